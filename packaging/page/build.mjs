// Writes the page's libraries to where the agent serves them from, or into the folder that is named: one script,
// one style sheet, their licences.

import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const SERVED = new URL("../../edge_agent/adapters/web/static/", import.meta.url).pathname;
const STATIC = pathToFileURL(`${process.argv[2] ?? SERVED}/`);
const LIBRARIES = ["preact", "htm", "uplot"];

await build({
  entryPoints: ["src/vendor.js"],
  outfile: new URL("vendor.js", STATIC).pathname,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
});
await build({
  entryPoints: ["node_modules/uplot/dist/uPlot.min.css"],
  outfile: new URL("vendor.css", STATIC).pathname,
  minify: true,
});

const licences = [];
for (const name of LIBRARIES) {
  const { version } = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
  const text = await readFile(`node_modules/${name}/LICENSE`, "utf8");
  licences.push(`${name} ${version}\n\n${text.trim()}\n`);
}
await writeFile(new URL("vendor.txt", STATIC), licences.join("\n\n"));
