// Frames a second of a wall of beds, for ten seconds, the longest a frame took, and how long the page itself works for each: what
// remains of 16.7 ms is left for drawing, which a graphics card does where there is one.

import { browser, enter } from "./browser.mjs";

const { page, end } = await browser();
const count = process.env.AJISAI_PATIENTS.split(" ").length;
await enter(page);
await page.click("[data-page=beds]");
await page.waitForFunction((count) => document.querySelectorAll(".bed[data-state=live]").length === count, count, { timeout: 60_000 });
const devtools = await page.context().newCDPSession(page);
await devtools.send("Performance.enable");
const spent = async () => {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value * 1000]));
};
const before = await spent();
const { frames, worst, drawn } = await page.evaluate(
  () =>
    new Promise((done) => {
      let [frames, worst, last] = [0, 0, performance.now()];
      const begun = last;
      const frame = (now) => {
        frames += 1;
        worst = Math.max(worst, now - last);
        last = now;
        if (now - begun < 10_000) requestAnimationFrame(frame);
        else done({ frames: (frames * 1000) / (now - begun), worst, drawn: frames });
      };
      requestAnimationFrame(frame);
    }),
);
console.log(`${count} beds: ${frames.toFixed(1)} frames/s over ten seconds, the longest ${worst.toFixed(0)} ms`);
const after = await spent();
const each = (name) => ((after[name] - before[name]) / drawn).toFixed(1);
console.log(
  `for each frame: ${each("ScriptDuration")} ms in scripts, ${each("RecalcStyleDuration")} ms in styles, ` +
    `${each("LayoutDuration")} ms in layout; the page's thread is busy for ${each("TaskDuration")} ms of 16.7`,
);
await end();
process.exit();
