// The shared-care booklet in a browser: shown, in the three sizes of absence, alone on its paper, and gone with who looked.

import assert from "node:assert/strict";
import { join } from "node:path";
import { browser, enter } from "./browser.mjs";

const [patient] = process.env.AJISAI_PATIENTS.split(" ");
const { page, end } = await browser();
const shot = (name) => page.screenshot({ path: join(process.env.AJISAI_SCREENSHOTS, `${name}.png`), fullPage: true });
const wrong = [];
page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
page.on("pageerror", (error) => wrong.push(String(error)));

try {
  await enter(page);
  await page.click("[data-page=booklet]");
  await page.fill("#booklet-patient", patient);
  await page.click("#booklet-ask button[type=submit]");
  const booklet = page.locator("#booklet-page article.booklet.a4");
  await booklet.waitFor();
  const text = await booklet.textContent();
  for (const said of ["糖尿病連携手帳", "HbA1c", "8.6", "bench-hospital-0", "未測定", "次回の検査", "関わる施設"]) {
    assert.ok(text.includes(said), `${said} is not in the booklet`);
  }
  assert.equal(await booklet.locator("script").count(), 0);
  await shot("booklet");

  // the style the page is served with holds: a policy that kept it out would leave the table without lines
  const line = await booklet.locator("td").first().evaluate((cell) => getComputedStyle(cell).borderTopStyle);
  assert.equal(line, "solid");

  // on paper there is the booklet and nothing else, on sheets of its size
  await page.emulateMedia({ media: "print" });
  for (const hidden of [".bar", "#pages", "#booklet-ask"]) assert.ok(!(await page.locator(hidden).isVisible()), hidden);
  assert.ok(await booklet.isVisible());
  await shot("booklet-print");
  const size = async () => {
    const pdf = (await page.pdf({ preferCSSPageSize: true, path: join(process.env.AJISAI_SCREENSHOTS, "booklet.pdf") })).toString("latin1");
    const [, width, height] = /\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)/.exec(pdf);
    return [width, height].map((points) => Math.round((Number(points) / 72) * 25.4));
  };
  assert.deepEqual(await size(), [210, 297]);
  await page.emulateMedia({ media: "screen" });
  await page.selectOption("#booklet-size", "a6");
  await page.click("#booklet-ask button[type=submit]");
  await page.waitForSelector("#booklet-page article.booklet.a6");
  await page.emulateMedia({ media: "print" });
  assert.deepEqual(await size(), [105, 148]);
  await page.emulateMedia({ media: "screen" });
  await shot("booklet-a6");

  // nobody's page stands under another's number
  await page.fill("#booklet-patient", "nobody-1");
  await page.click("#booklet-ask button[type=submit]");
  await page.waitForFunction(() => /見える記録はありません/.test(document.getElementById("booklet-says").textContent));
  assert.equal(await page.locator("#booklet-page article").count(), 0);

  await page.fill("#booklet-patient", patient);
  await page.click("#booklet-ask button[type=submit]");
  await page.waitForSelector("#booklet-page article");
  await page.click("#leave");
  assert.equal(await page.locator("#booklet-page article").count(), 0, "it is still there after signing out");
  assert.ok(!(await page.content()).includes("bench-hospital-0"));
  // what is refused is said to the console by the browser itself
  assert.deepEqual(wrong.filter((text) => !/status of 404/.test(text)), [], "the page went wrong");
} catch (error) {
  await shot("booklet-failed").catch(() => {});
  console.log(String(error?.stack ?? error));
  console.log(wrong.join("\n"));
  process.exitCode = 1;
} finally {
  await end();
  process.exit();
}
