// Pregnancies in a browser: the list by need, one sheet with its curves, a check-up that arrives while it is open, twins, a
// newborn, the sheet on paper, and what a withdrawal leaves.

import assert from "node:assert/strict";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { browser, enter } from "./browser.mjs";

const [high, twins, mother, newborn] = process.env.AJISAI_PATIENTS.split(" ");
const { rows: expected, source } = JSON.parse(process.env.AJISAI_EXPECTED);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const ask = async (what) => {
  console.log(`ask ${what}`);
  return (await answers.next()).value;
};
const { page, end } = await browser();
const shot = (name) => page.screenshot({ path: join(process.env.AJISAI_SCREENSHOTS, `${name}.png`), fullPage: true });
const wrong = [];
page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
page.on("pageerror", (error) => wrong.push(String(error)));

const number = (value, digits = 0) =>
  value.toLocaleString("ja-JP", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const signed = (value) => {
  const tenths = Math.round(value * 10);
  return `${tenths === 0 ? "" : tenths < 0 ? "−" : "+"}${number(Math.abs(tenths) / 10, 1)}`;
};
const age = (text) => text.replace(/^(\d+)w(\d)d$/, "$1週$2日");
const cells = (row) => row.evaluateAll((cells) => cells.map((cell) => cell.textContent));

/** The rows of the table of check-ups are what SQL says of them. */
const compare = async (rows) => {
  const table = page.locator("[data-part=checkups] tbody tr");
  await page.waitForFunction((count) => document.querySelectorAll("[data-part=checkups] tbody tr").length === count, rows.length, { timeout: 15_000 });
  for (const [at, row] of rows.entries()) {
    const shown = await cells(table.nth(at).locator("th, td"));
    assert.equal(shown[1], age(row.gestational_age));
    assert.equal(shown[3], number(row.weight, 1));
    assert.equal(shown[4], signed(row.weight - 52));
    assert.equal(shown[5], `${number(row.systolic)}/${number(row.diastolic)}`);
    assert.deepEqual(shown.slice(13, 16), [row.bpd, row.ac, row.fl].map((value) => number(value)));
    assert.equal(shown[16], `${number(row.estimated_weight)}*`, "computed, and said to be");
    assert.equal(shown[17], signed(row.deviations));
  }
  // the curve says in words what it draws
  const label = await page.locator("[data-curve=weight] [role=img]").getAttribute("aria-label");
  for (const row of rows) assert.ok(label.includes(`${age(row.gestational_age)} ${number(row.estimated_weight)}`), label);
  assert.ok(label.includes("平均±1.5 SD"), label);
};

/** How many points of a colour a chart has. */
const painted = (curve, red, green, blue) =>
  page.locator(`[data-curve=${curve}] canvas`).evaluate(
    (canvas, colour) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let found = 0;
      for (let at = 0; at < data.length; at += 4) if (colour.every((value, part) => data[at + part] === value) && data[at + 3] === 255) found += 1;
      return found;
    },
    [red, green, blue],
  );

try {
  await enter(page);
  await page.click("[data-page=pregnancies]");
  const rows = page.locator("#pregnancies-list tbody tr");
  await page.waitForFunction(() => document.querySelectorAll("#pregnancies-list tbody tr").length === 3, null, { timeout: 15_000 });
  // warnings first, then the check-up that is overdue, then who has given birth
  assert.deepEqual(await rows.evaluateAll((rows) => rows.map((row) => row.dataset.patient)), [high, twins, mother]);
  assert.deepEqual(await rows.evaluateAll((rows) => rows.map((row) => row.dataset.attention)), ["warning", "overdue", ""]);
  const first = await rows.nth(0).textContent();
  for (const said of ["山田 花子", "妊娠高血圧症候群", "34週2日", "G2 P1", "超音波", "LDR 1", "bench-hospital-0"]) assert.ok(first.includes(said), `${said}: ${first}`);
  const second = await rows.nth(1).textContent();
  for (const said of ["健診期限超過", "胎児数 2", "26日超過"]) assert.ok(second.includes(said), `${said}: ${second}`);
  assert.ok((await rows.nth(2).textContent()).includes("分娩"));
  await shot("pregnancies");
  await page.click("#language");
  await page.waitForFunction(() => /hypertensive disorder/.test(document.getElementById("pregnancies-list").textContent));
  await shot("pregnancies-en");
  await page.click("#language");

  // by keyboard into the sheet and back to the row it was opened from
  await page.locator(`button[data-patient="${high}"]`).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#pregnancy-page article");
  assert.equal(await page.evaluate(() => document.activeElement.id), "pregnancy-back");
  await compare(expected);
  const sheet = page.locator("#pregnancy-page article");
  const text = await sheet.textContent();
  for (const said of ["158.0 cm", "52.0 kg", "20.8", "最終月経", "超音波", "1990-04-12", "院内表（試験用）", "JSOG"]) assert.ok(text.includes(said), `${said} is not in the sheet`);
  const reached = await page.locator("tr[data-rule=hypertensive-disorder][data-said=reached]").first().textContent();
  for (const said of ["妊娠高血圧", "144", "基準 140", "92", "版", "確度 A", "未測定"]) assert.ok(reached.includes(said), `${said}: ${reached}`);
  assert.ok((await page.locator("[data-rule] .unverified").count()) > 0, "limits from memory are called unverified");
  assert.ok((await painted("weight", 0x1c, 0x2a, 0x7a)) > 100, "no curve is drawn");
  for (const curve of ["bpd", "ac", "fl", "gain", "pressure"]) assert.ok((await painted(curve, 0x1c, 0x2a, 0x7a)) > 60, curve);
  assert.equal(await sheet.locator("script").count(), 0);
  await shot("pregnancy");
  await page.click("#language");
  await page.waitForFunction(() => /Check-ups/.test(document.getElementById("pregnancy-page").textContent));
  await shot("pregnancy-en");
  await page.click("#language");

  // on paper there is the sheet and nothing else
  await page.emulateMedia({ media: "print" });
  for (const hidden of [".bar", "#pages", "#pregnancy-back"]) assert.ok(!(await page.locator(hidden).isVisible()), hidden);
  assert.ok(await sheet.isVisible());
  // as wide as the sheet is between its margins
  await page.setViewportSize({ width: 1054, height: 720 });
  await shot("pregnancy-print");
  const wide = await sheet.evaluate((sheet) => [...sheet.querySelectorAll("table, .curves")].filter((part) => part.scrollWidth > sheet.clientWidth).length);
  assert.equal(wide, 0, "something is cut off on paper");
  await page.setViewportSize({ width: 1440, height: 900 });
  const pdf = (await page.pdf({ preferCSSPageSize: true, path: join(process.env.AJISAI_SCREENSHOTS, "pregnancy.pdf") })).toString("latin1");
  const [, width, height] = /\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)/.exec(pdf);
  assert.deepEqual([width, height].map((points) => Math.round((Number(points) / 72) * 25.4)), [297, 210]);
  await page.emulateMedia({ media: "screen" });

  // a check-up that is published while the sheet is open stands in it
  const later = JSON.parse(await ask("checkup"));
  assert.equal(later.length, expected.length + 1);
  await compare(later);
  await shot("pregnancy-later");

  // twins are two rows of a check-up and two curves
  await page.click("#pregnancy-back");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.patient), high);
  await page.click(`button[data-patient="${twins}"]`);
  await page.waitForSelector("[data-part=checkups] th[rowspan='2']");
  assert.equal(await page.locator("[data-part=checkups] tbody tr").count(), 6);
  assert.ok((await painted("weight", 0x9c, 0x3d, 0x00)) > 60, "the second twin has no curve");
  assert.match(await page.locator("[data-curve=weight] .key").textContent(), /● 児 1.*■ 児 2/);
  await page.emulateMedia({ colorScheme: "dark" });
  await shot("pregnancy-twins");
  await page.emulateMedia({ colorScheme: "light" });

  // the newborn goes on under a number of its own
  await page.click("#pregnancy-back");
  await page.click(`button[data-patient="${mother}"]`);
  await page.waitForSelector("[data-part=birth]");
  const birth = await page.locator("[data-part=birth]").textContent();
  for (const said of ["39週1日", "正期産", "経腟分娩", "鈴木 ベビー", newborn]) assert.ok(birth.includes(said), `${said}: ${birth}`);
  await shot("pregnancy-born");
  await page.click(`button[data-newborn="${newborn}"]`);
  await page.waitForSelector("#records-section:not([hidden])");
  assert.equal(await page.inputValue("#patient"), newborn);

  // on a tablet
  await page.click("[data-page=pregnancies]");
  await page.click("#pregnancy-back");
  await page.setViewportSize({ width: 820, height: 1100 });
  await shot("pregnancies-tablet");
  await page.click(`button[data-patient="${high}"]`);
  await page.waitForSelector("#pregnancy-page article");
  await shot("pregnancy-tablet");
  await page.setViewportSize({ width: 1440, height: 900 });

  // the board is one step away
  await page.click("#pregnancy-back");
  await page.click("#pregnancies-list button[data-bed]");
  await page.waitForSelector("#bed-section:not([hidden])");
  await page.waitForFunction(() => /LDR 1/.test(document.getElementById("bed-where").textContent), null, { timeout: 15_000 });
  await page.click("[data-page=pregnancies]");

  // when consent ends, what is open closes with a word, and the list has nothing of her
  await page.click(`button[data-patient="${high}"]`);
  await page.waitForSelector("#pregnancy-page article");
  await ask("withdraw");
  await page.waitForFunction(() => /見えません/.test(document.getElementById("pregnancy-says").textContent), null, { timeout: 15_000 });
  assert.equal(await page.locator("#pregnancy-page article").count(), 0);
  assert.equal(await page.textContent("#pregnancy-title"), "");
  await shot("pregnancy-withdrawn");
  await page.click("#pregnancy-back");
  await page.waitForFunction(() => document.querySelectorAll("#pregnancies-list tbody tr").length === 2, null, { timeout: 20_000 });
  assert.ok(!(await page.content()).includes("山田"), "something of her is still there");

  await page.click("#leave");
  assert.ok(!(await page.content()).includes("佐々木"), "it is still there after signing out");

  // at the source the same woman is its own, and from her bed a transfer is asked for
  await page.fill("#token", source);
  await page.click("#enter button");
  await page.click("[data-page=pregnancies]");
  await page.waitForFunction(() => document.querySelectorAll("#pregnancies-list tbody tr").length === 3, null, { timeout: 15_000 });
  await page.click("#pregnancies-list button[data-bed]");
  await page.waitForSelector("#bed-transfer:not([hidden])", { timeout: 15_000 });
  await page.waitForFunction(() => document.querySelectorAll("#bed-transfer-to option").length > 1);
  assert.equal(await page.inputValue("#bed-transfer-to"), "", "somewhere is chosen by default");
  await page.selectOption("#bed-transfer-to", "bench-clinic-0");
  await page.fill("#bed-transfer-reason", "妊娠34週、血圧 152/98、尿蛋白2+。入院管理をお願いします。");
  await shot("bed-transfer");
  await page.click("#language");
  assert.equal(await page.inputValue("#bed-transfer-to"), "bench-clinic-0", "the choice is gone with the language");
  await shot("bed-transfer-en");
  await page.click("#language");
  await page.click("#leave");
  // what is refused is said to the console by the browser itself
  assert.deepEqual(wrong.filter((text) => !/status of 404/.test(text)), [], "the page went wrong");
} catch (error) {
  await shot("pregnancy-failed").catch(() => {});
  console.log(String(error?.stack ?? error));
  console.log(wrong.join("\n"));
  process.exitCode = 1;
} finally {
  await end();
  process.exit();
}
