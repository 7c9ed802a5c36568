/** Writes the README's table of supported clients from the test matrix. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { format, resolveConfig } from "prettier";
import { supportedClientsTable } from "../test/providers/matrix.ts";

const BEGIN = "<!-- begin: supported clients, written by scripts/supported-clients.ts -->";
const END = "<!-- end: supported clients -->";

const path = join(resolve(import.meta.dirname, ".."), "README.md");
const readme = readFileSync(path, "utf8");
const begin = readme.indexOf(BEGIN);
const end = readme.indexOf(END);
if (begin < 0 || end < begin)
  throw new Error("README.md has lost the markers of its table of supported clients.");
const written = `${readme.slice(0, begin + BEGIN.length)}\n\n${supportedClientsTable()}\n\n${readme.slice(end)}`;
const options = await resolveConfig(path);
writeFileSync(path, await format(written, { ...options, parser: "markdown" }));
