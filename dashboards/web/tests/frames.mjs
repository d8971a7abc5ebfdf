// Frames a second of a wall of beds, for ten seconds, and the longest a frame took.

import { browser, enter } from "./browser.mjs";

const { page, end } = await browser();
const count = process.env.AJISAI_PATIENTS.split(" ").length;
await enter(page);
await page.click("[data-page=beds]");
await page.waitForFunction((count) => document.querySelectorAll(".bed[data-state=live]").length === count, count, { timeout: 60_000 });
const { frames, worst } = await page.evaluate(
  () =>
    new Promise((done) => {
      let [frames, worst, last] = [0, 0, performance.now()];
      const begun = last;
      const frame = (now) => {
        frames += 1;
        worst = Math.max(worst, now - last);
        last = now;
        if (now - begun < 10_000) requestAnimationFrame(frame);
        else done({ frames: (frames * 1000) / (now - begun), worst });
      };
      requestAnimationFrame(frame);
    }),
);
console.log(`${count} beds: ${frames.toFixed(1)} frames/s over ten seconds, the longest ${worst.toFixed(0)} ms`);
await end();
process.exit();
