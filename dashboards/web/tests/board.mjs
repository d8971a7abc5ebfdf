// The board in a real Chromium. The test that starts this (tests/board.rs) plays the beds: what is to happen there is asked for
// by a line `ask …` and answered by `done`.

import assert from "node:assert/strict";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { browser, enter } from "./browser.mjs";

const { AJISAI_PATIENTS, AJISAI_SCREENSHOTS } = process.env;
const patients = AJISAI_PATIENTS.split(" ");
/** What must be on the screen two seconds after it happened. */
const TWO_SECONDS = 2_000;
const PATIENCE = 30_000;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const ask = async (what) => {
  console.log(`ask ${what}`);
  const { value } = await answers.next();
  assert.equal(value, "done");
};
const step = (what) => console.log(`- ${what}`);

const { page, end } = await browser();
const wrong = [];
page.on("pageerror", (error) => wrong.push(String(error)));
page.on("console", (message) => {
  // a node that is silent is part of the test, and a stream that is cut is told by the browser
  if (message.type() === "error" && !/ERR_|Failed to load resource/.test(message.text())) wrong.push(message.text());
});
const shot = (name) => page.screenshot({ path: join(AJISAI_SCREENSHOTS, `${name}.png`), fullPage: true });
const tile = (patient) => page.locator(".bed", { has: page.locator(".bed-title", { hasText: patient }) });
const state = (patient, is, timeout = PATIENCE) =>
  page.waitForFunction(
    ([patient, is]) =>
      [...document.querySelectorAll(".bed")].some(
        (bed) => bed.querySelector(".bed-title")?.textContent === patient && bed.dataset.state === is,
      ),
    [patient, is],
    { timeout, polling: 20 },
  );
const picture = () =>
  page.evaluate(() => [...document.querySelectorAll("#bed-paper canvas")].map((canvas) => canvas.toDataURL()).join());

try {
  await enter(page);

  step("the other pages are there");
  for (const name of ["notices", "glasses", "published"]) {
    await page.click(`[data-page=${name}]`);
    await page.waitForFunction((name) => document.getElementById(`${name}-section`)?.ariaBusy !== "true", name);
    await page.waitForFunction((name) => !/…$/.test(document.getElementById(`${name}-says`)?.textContent ?? ""), name);
    await shot(`page-${name}`);
  }

  step("the wall shows three beds that are live, with their levels");
  await page.click("[data-page=beds]");
  for (const patient of patients) await state(patient, "live");
  for (const patient of patients) await tile(patient).locator(".bed-level[data-level='1'], .bed-level[data-level='2'], .bed-level[data-level='3'], .bed-level[data-level='4']").waitFor();
  assert.match(await tile(patients[0]).locator(".bed-level").textContent(), /\?$/, "a level by an unverified table says so");
  assert.match(await tile(patients[0]).locator(".age").textContent(), /データの古さ \d\.\d s/);
  await shot("wall");

  step("one bed is shown to scale, and its trace moves");
  await tile(patients[0]).locator(".bed-open").focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#bed-paper canvas");
  await page.waitForSelector("#bed-states li[data-state=live]");
  const paper = await page.locator("#bed-paper .u-over").first().boundingBox();
  assert.ok(Math.abs(paper.height - 7 * (96 / 2.54)) < 1, `210 bpm at 30 to the centimetre are 7 cm, and ${paper.height} px are shown`);
  await page.waitForFunction(() => document.querySelectorAll("#bed-windows tbody tr").length > 0);
  const before = await picture();
  await page.waitForTimeout(1_200);
  assert.notEqual(await picture(), before, "the trace stands still");
  await shot("bed-live");
  await page.selectOption("#bed-speed", "1");
  await page.waitForTimeout(400);
  await shot("bed-1cm");
  await page.selectOption("#bed-speed", "3");

  step("history scrolls back, and what was on the screen is apart from what is known");
  await page.locator("#bed-title").focus();
  await page.keyboard.press("Home");
  await page.waitForFunction(() => /過去を表示中/.test(document.getElementById("bed-says").textContent));
  await page.waitForTimeout(600);
  await shot("bed-history");
  await page.keyboard.press("End");
  await page.click("#bed-seen");
  await page.waitForFunction(() => /当時の画面/.test(document.getElementById("bed-says").textContent));
  await page.waitForTimeout(300);
  await shot("bed-as-seen");
  await page.click("#bed-live");

  step("a note stands beside the trace, is put right and taken back; and it is said who watches");
  assert.match(await page.locator("#bed-watched").textContent(), /見ている人 佐藤/);
  const box = await page.locator("#bed-paper .u-over").first().boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  assert.doesNotMatch(await page.locator("#bed-note-at").textContent(), /今/);
  await page.fill("#bed-note-text", "体位変換");
  await page.keyboard.press("Enter");
  const note = page.locator("#bed-notes li");
  await note.waitFor();
  assert.match(await note.textContent(), /体位変換.*佐藤/);
  await page.waitForTimeout(400);
  await shot("bed-note");
  await note.locator("button", { hasText: "直す" }).click();
  await page.fill("#bed-note-text", "左側臥位へ");
  await page.click("#bed-note button");
  await page.locator("#bed-notes li", { hasText: "左側臥位へ" }).waitFor();
  assert.match(await note.textContent(), /訂正済み/);
  await note.locator("button", { hasText: "取り消す" }).click();
  await note.waitFor({ state: "detached" });

  step("English, and back to the wall by the keyboard");
  await page.click("#language");
  await page.waitForFunction(() => document.querySelector("#bed-states")?.textContent.includes("live"));
  await shot("bed-english");
  await page.click("#language");
  await page.locator("#bed-title").focus();
  await page.keyboard.press("Escape");
  await page.waitForSelector("#wall:not([hidden])");
  await state(patients[0], "live");

  step("a source that is cut is lost within two seconds");
  await ask("cut 0");
  const cut = performance.now();
  await state(patients[0], "lost", TWO_SECONDS);
  console.log(`  lost after ${Math.round(performance.now() - cut)} ms`);
  await state(patients[1], "live");
  const alarms = tile(patients[0]).locator(".bed-alarms");
  await alarms.locator("button").waitFor();
  await shot("wall-lost");
  await alarms.locator("button").click();
  await alarms.locator("button").waitFor({ state: "detached" });
  await alarms.locator(".known", { hasText: "確認 佐藤" }).waitFor();
  await shot("wall-known");
  await page.click("#language");
  await page.waitForFunction(() => /lost/.test(document.getElementById("beds-list").textContent));
  await shot("wall-english");
  await page.click("#language");

  step("who knows of an alarm is known on every page, and after it was loaded again");
  const second = await page.context().newPage();
  await enter(second);
  await second.click("[data-page=beds]");
  await second.locator(".bed .bed-alarms .known", { hasText: "確認 佐藤" }).waitFor();
  await second.close();
  await tile(patients[0]).locator(".bed-open").click();
  await page.waitForSelector("#bed-states li[data-state=lost]");
  await page.waitForTimeout(1_500);
  await shot("bed-lost");
  await page.keyboard.press("Escape");

  step("and comes again");
  await ask("resume 0");
  await state(patients[0], "live", 10_000);

  step("a node that is silent is said to be within two seconds");
  await ask("freeze-node");
  const frozen = performance.now();
  for (const patient of patients) await state(patient, "silent", TWO_SECONDS);
  console.log(`  silent after ${Math.round(performance.now() - frozen)} ms`);
  await shot("wall-silent");
  await ask("thaw-node");
  for (const patient of patients) await state(patient, "live", PATIENCE);

  step("a permission that ends by the clock is said before, with how to go on, and closes with its own word");
  await ask("end-soon 0");
  const ending = tile(patients[0]).locator(".bed-alarms", { hasText: "許可の期限" });
  await ending.waitFor({ timeout: 5_000 });
  assert.match(await ending.textContent(), /続けて見るには：同意の更新を依頼、または開示施設から搬送を依頼してもらう/);
  await shot("wall-ending");
  const over = page.locator(".bed[data-state=closed]", { hasText: "許可の期限が来たため閉じました" });
  await over.waitFor({ timeout: 15_000 });
  await shot("wall-expired");
  await over.locator("button").click();
  await ask("open 0");
  await state(patients[0], "live", 10_000);

  step("consent ends on the wall: the tile closes with a word, and nothing else of the bed is left");
  await ask("withdraw 1");
  const closed = page.locator(".bed[data-state=closed]");
  await closed.waitFor({ timeout: 5_000 });
  assert.match(await closed.textContent(), /開示が終わりました/);
  // text by text: joined, another's number and the words after it can read like this one
  const left = await page.evaluate((patient) => {
    const texts = document.createTreeWalker(document.getElementById("room"), NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) if (texts.currentNode.data.includes(patient)) found.push(texts.currentNode.parentElement.outerHTML);
    return found;
  }, patients[1]);
  assert.deepEqual(left, [], "the patient's number is still on the page");
  await shot("wall-closed");
  await closed.locator("button").click();
  await closed.waitFor({ state: "detached" });

  step("consent ends while a bed is looked at: it closes with a word");
  await tile(patients[2]).locator(".bed-open").click();
  await page.waitForSelector("#bed-paper canvas");
  await page.waitForSelector("#bed-states li[data-state=live]");
  assert.match(await page.locator("#bed-states").textContent(), /A児.*B児/);
  await shot("bed-twins");
  await ask("withdraw 2");
  await page.waitForFunction(() => /開示が終わりました/.test(document.getElementById("bed-says").textContent), undefined, { timeout: 5_000 });
  assert.equal(await page.locator("#bed-paper canvas").count(), 0, "the trace is still on the screen");
  assert.equal((await page.locator("#bed-title").textContent()).trim(), "");
  await shot("bed-closed");

  step("on a tablet");
  await page.keyboard.press("Escape");
  await page.setViewportSize({ width: 820, height: 1180 });
  await state(patients[0], "live");
  await shot("wall-tablet");
  await tile(patients[0]).locator(".bed-open").click();
  await page.waitForSelector("#bed-states li[data-state=live]");
  await page.waitForTimeout(600);
  await shot("bed-tablet");

  step("in the dark, and everything that is pressed has a name");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(600);
  await shot("bed-dark");
  await page.keyboard.press("Escape");
  await shot("wall-dark");
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll("#room button, #room input, #room select, #room textarea")]
      .filter((one) => one.offsetParent !== null)
      .filter((one) => !(one.textContent?.trim() || one.getAttribute("aria-label") || one.labels?.length))
      .map((one) => one.outerHTML.slice(0, 120)),
  );
  assert.deepEqual(unnamed, [], "a screen reader has no name for these");
  await page.emulateMedia({ colorScheme: "light" });

  assert.deepEqual(wrong, [], "the page went wrong");
} catch (error) {
  await shot("failed").catch(() => {});
  console.log(String(error?.stack ?? error));
  console.log(wrong.join("\n"));
  process.exitCode = 1;
} finally {
  await end();
  process.exit();
}
