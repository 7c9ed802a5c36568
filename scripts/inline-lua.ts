/**
 * @module Writes packages/holdfast/src/store/redis/scripts.ts from the Lua files beside it.
 *
 *   node scripts/inline-lua.ts
 *
 * `--#include name` is replaced by the fragment of that name. Comments and indentation are left out of what is sent to
 * the server. A test compares the file with what this would write.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../packages/holdfast/src/store/redis/", import.meta.url);
const lua = new URL("lua/", folder);
const SHEBANG = "#!lua";

function linesOf(file: string): string[] {
  return readFileSync(new URL(file, lua), "utf8").split("\n");
}

function inlined(file: string): string[] {
  return linesOf(file).flatMap((line) => {
    const include = /^--#include ([a-z-]+)$/.exec(line);
    return include === null ? [line] : inlined(`${include[1]}.lua`);
  });
}

/** What the server gets: no line that begins with a comment, no indentation. */
function stripped(lines: readonly string[]): string {
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("--"))
    .join("\n");
}

/** The text of scripts.ts. */
export function generatedScripts(): string {
  const files = readdirSync(lua).filter((file) => linesOf(file)[0]!.startsWith(SHEBANG));
  const entries = files.sort().map((file) => {
    const source = stripped(inlined(file));
    const sha = createHash("sha1").update(source).digest("hex");
    const name = file.slice(0, -".lua".length);
    return `  ${name}: {\n    sha: "${sha}",\n    source:\n      ${JSON.stringify(source)},\n  },`;
  });
  return [
    "/** @module The Lua scripts as they are sent. Generated from lua/*.lua by scripts/inline-lua.ts: edit those. */",
    "",
    "export interface Script {",
    "  /** SHA-1 of the source, as EVALSHA takes it. */",
    "  readonly sha: string;",
    "  readonly source: string;",
    "}",
    "",
    "export type ScriptName =",
    `${files.map((file) => `  | "${file.slice(0, -".lua".length)}"`).join("\n")};`,
    "",
    "export const SCRIPTS: Readonly<Record<ScriptName, Script>> = {",
    ...entries,
    "};",
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("scripts.ts", folder), generatedScripts());
}
