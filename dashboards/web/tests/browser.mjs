// A Chromium of its own, with an empty profile, that talks to nobody but the node.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

/** The browser with one empty page, and what ends both. */
export async function browser() {
  const profile = mkdtempSync(join(tmpdir(), "ajisai-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.AJISAI_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1440, height: 900 },
    locale: "ja-JP",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const end = async () => {
    await context.close().catch(() => {});
    rmSync(profile, { recursive: true, force: true });
  };
  return { page: context.pages()[0] ?? (await context.newPage()), end };
}

/** Signs in, and waits until the page is there. */
export async function enter(page) {
  await page.goto(process.env.AJISAI_PAGE);
  await page.fill("#token", process.env.AJISAI_TOKEN);
  await page.click("#enter button");
  await page.waitForSelector("#room:not([hidden])");
}
