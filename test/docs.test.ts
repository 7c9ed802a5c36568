/** What the guides show is code that runs elsewhere, and what they link to is there. */
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const guides = globSync("docs/*.md", { cwd: root });
const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  ...guides,
  ...globSync("packages/*/README.md", { cwd: root }),
];

/** Indentation differs between a guide and a source; nothing else may. */
function withoutIndentation(code: string): string {
  return code
    .split("\n")
    .map((line) => line.trim())
    .join(" ")
    .replace(/\s+/g, " ")
    .replace(/([({[]) | ([)}\]])|,(?= ?[)}\]])/g, "$1$2")
    .trim();
}

const sources = ["examples", "test"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.includes("node_modules"))
    .map((path) => withoutIndentation(read(join(folder, path)))),
);

describe("the guides", () => {
  const blocks = guides.flatMap((guide) =>
    [...read(guide).matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => [guide, match[1]!] as const),
  );

  it.each(blocks)("%s shows code that is run by an example or a test:\n%s", (_, code) => {
    expect(sources.some((source) => source.includes(withoutIndentation(code)))).toBe(true);
  });
});

describe("links", () => {
  const links = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      (match) => [page, match[1]!] as const,
    ),
  );

  it.each(links)("%s -> %s", (page, link) => {
    expect(existsSync(join(root, dirname(page), link))).toBe(true);
  });
});
