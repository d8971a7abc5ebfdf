// A critical result on the notices page, in a real Chromium: what was done is chosen, said with a remark, and stands. tests/told.rs
// starts this, and looks in the hospital's list afterwards.

import assert from "node:assert/strict";
import { join } from "node:path";
import { browser, enter } from "./browser.mjs";

const step = (what) => console.log(`- ${what}`);
const { page, end } = await browser();
const wrong = [];
page.on("pageerror", (error) => wrong.push(String(error)));
page.on("console", (message) => {
  if (message.type() === "error" && !/Failed to load resource/.test(message.text())) wrong.push(message.text());
});
const shot = (name) => page.screenshot({ path: join(process.env.AJISAI_SCREENSHOTS, `${name}.png`), fullPage: true });
const notice = page.locator(".notices li", { hasText: "カリウム" });
const posts = [];
page.on("request", (request) => {
  if (request.url().endsWith("/api/notices/acknowledge")) posts.push(request.postDataJSON());
});

try {
  await enter(page);
  await page.click("[data-page=notices]");
  await notice.waitFor();

  step("a critical result can be acknowledged, and asks what was done");
  assert.match(await notice.textContent(), /パニック値.*確認の期限/s);
  const choice = notice.locator("select");
  assert.deepEqual(
    await choice.locator("option").evaluateAll((options) => options.map((option) => option.value)),
    ["", "seen", "called", "treated", "repeated", "referred", "expected"],
  );
  await shot("critical-waits");

  step("nothing is sent without a choice, nor with a remark that is too long");
  const send = notice.locator("form button");
  await send.click();
  await notice.locator("input[name=remark]").fill("あ".repeat(167));
  await choice.selectOption("called");
  await send.click();
  await page.waitForTimeout(300);
  assert.equal(posts.length, 0);

  step("what is being written stays when the page is drawn anew, in English too");
  await notice.locator("input[name=remark]").fill("午後に来院");
  await page.click("#language");
  const english = page.locator(".notices li", { hasText: "otassium" });
  await english.waitFor();
  assert.equal(await english.locator("input[name=remark]").inputValue(), "午後に来院");
  assert.equal(await english.locator("select").inputValue(), "called");
  assert.match(await english.textContent(), /What was done/);
  await shot("critical-english");
  await page.click("#language");

  step("by the keyboard: that they know, and then what they did");
  await notice.locator("button", { hasText: "確認した" }).focus();
  await page.keyboard.press("Enter");
  await notice.locator(".says", { hasText: "確認:" }).waitFor();
  assert.equal(await notice.locator("input[name=remark]").inputValue(), "午後に来院", "what was written stays");
  await notice.locator("input[name=remark]").focus();
  await page.keyboard.press("Enter");
  await notice.locator("p", { hasText: "対応: 連絡した" }).waitFor();
  assert.match(await notice.textContent(), /対応: 連絡した · .*午後に来院/s);
  assert.equal(await notice.locator("form").count(), 0, "what was done stands");
  assert.deepEqual(posts.map(({ action, remark }) => [action, remark]), [[undefined, undefined], ["called", "午後に来院"]]);
  await shot("critical-acted");

  assert.deepEqual(wrong, [], "the page went wrong");
} catch (error) {
  await shot("failed-critical").catch(() => {});
  console.log(String(error?.stack ?? error));
  process.exitCode = 1;
} finally {
  await end();
}
