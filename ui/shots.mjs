// Takes a picture of every scene: both languages, both themes, and the sizes that people have. Into ../target/shots.

import { mkdir } from "node:fs/promises";
import { chromium } from "playwright";
import { createServer } from "vite";

const SIZES = { "1280x800": [1280, 800, 1], "1920x1080": [1920, 1080, 1], "200percent": [640, 400, 2] };
const into = new URL("../target/shots/", import.meta.url).pathname;
const wanted = process.argv.slice(2);

await mkdir(into, { recursive: true });
const server = await createServer({ logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
await server.listen();
const address = server.resolvedUrls?.local[0] ?? "";
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});
let taken = 0;
try {
  const { SCENES } = await server.ssrLoadModule("/src/test/scenes.ts");
  const scenes = wanted.length === 0 ? Object.keys(SCENES) : wanted;
  for (const [size, [width, height, deviceScaleFactor]] of Object.entries(SIZES)) {
    const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor });
    const page = await context.newPage();
    for (const scene of scenes)
      for (const lang of ["ko", "en"])
        for (const theme of ["dark", "light"]) {
          await page.goto(`${address}dev.html?scene=${scene}&lang=${lang}&theme=${theme}`);
          await page.waitForSelector("html[data-scene=played]", { state: "attached" });
          await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => setTimeout(next, 0))));
          await page.screenshot({ path: `${into}${scene}-${lang}-${theme}-${size}.png` });
          taken += 1;
        }
    await context.close();
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(`${taken} pictures in target/shots`);
