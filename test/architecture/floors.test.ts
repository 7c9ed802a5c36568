/**
 * The shape of the house, as tests: who may import whom, how large a file may be, and what may not be called at all.
 * Floors as in ARCHITECTURE.md; an import goes to the same folder or down.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const core = join(root, "packages/holdfast/src");

const FLOORS: Readonly<Record<string, number>> = {
  kernel: 0,
  ledger: 1,
  error: 1,
  attribution: 1,
  usage: 1,
  price: 1,
  budget: 1,
  estimate: 1,
  meter: 1,
  event: 1,
  store: 2,
  guard: 3,
  provider: 4,
  "": 5,
};

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sourcesOf(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.includes("node_modules"))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(path, "utf8");
      const imports = [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+"([^"]+)"/gms)].map(
        (match) => match[1]!,
      );
      return { path, folder: name.includes("/") ? name.slice(0, name.indexOf("/")) : "", text, imports };
    });
}

const files = sourcesOf(core);
const folderOf = (path: string): string => {
  const name = relative(core, path);
  return name.includes("/") ? name.slice(0, name.indexOf("/")) : "";
};
const resolved = (file: SourceFile): { specifier: string; folder: string }[] =>
  file.imports
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => ({ specifier, folder: folderOf(resolve(dirname(file.path), specifier)) }));

describe("floors of the core package", () => {
  it("has a floor for every folder", () => {
    expect(
      [...new Set(files.map((file) => file.folder))].filter((folder) => FLOORS[folder] === undefined),
    ).toEqual([]);
  });

  it.each(files.map((file) => [relative(core, file.path), file] as const))(
    "%s imports downwards only",
    (_, file) => {
      const upwards = resolved(file).filter(({ folder }) => FLOORS[folder]! > FLOORS[file.folder]!);
      expect(upwards).toEqual([]);
    },
  );

  it("keeps the guard from the stores, the stores from the providers, and the stores apart", () => {
    const broken = files.flatMap((file) =>
      resolved(file)
        .filter(
          ({ folder }) =>
            (file.folder === "guard" && folder === "store") ||
            (file.folder === "store" && (folder === "guard" || folder === "provider" || folder === "event")),
        )
        .map(({ specifier }) => `${relative(core, file.path)} -> ${specifier}`),
    );
    expect(broken).toEqual([]);
  });

  it("brings no package into the core but those that are stated, each in its place", () => {
    const allowed: Readonly<Record<string, readonly string[]>> = {
      "temporal-polyfill": ["kernel/window.ts"],
      eventemitter3: ["event/emitter.ts"],
      "node:crypto": ["kernel/id.ts", "kernel/key-segment.ts", "store/postgres/text.ts"],
      "p-retry": ["guard/store-link.ts", "meter/record-usage.ts", "store/postgres/retry.ts"],
      "node:async_hooks": ["guard/attribution-context.ts"],
      "node:fs": ["guard/outage-journal.ts"],
      "node:path": ["guard/outage-journal.ts"],
      "node:sqlite": ["store/sqlite/database.ts"],
    };
    const outside = files.flatMap((file) =>
      file.imports
        .filter((specifier) => !specifier.startsWith(".") && specifier !== "@holdfast/prices")
        .filter((specifier) => !allowed[specifier]?.includes(relative(core, file.path)))
        .map((specifier) => `${relative(core, file.path)} -> ${specifier}`),
    );
    expect(outside).toEqual([]);
  });
});

describe("every package", () => {
  const everything = ["holdfast", "prices", "tokenizer", "testkit"].flatMap((name) =>
    sourcesOf(join(root, "packages", name, "src")),
  );

  it("has no file above 500 lines", () => {
    const long = everything
      .map((file) => [relative(root, file.path), file.text.split("\n").length] as const)
      .filter(([, lines]) => lines > 500);
    expect(long).toEqual([]);
  });

  it("says what each file is for", () => {
    const silent = everything.filter((file) => !/\/\*\*|^export /m.test(file.text.slice(0, 400)));
    expect(silent.map((file) => relative(root, file.path))).toEqual([]);
  });
});

describe("the core", () => {
  it.each([
    ["reads the clock in one place", /\bDate\.now\(|new Date\(\)|performance\.now\(/, ["kernel/clock.ts"]],
    ["makes randomness in one place", /Math\.random\(|randomUUID\(|randomBytes\(/, ["kernel/id.ts"]],
    ["prints nothing", /\bconsole\./, []],
    ["leaves nothing to do", /\b(TODO|FIXME|XXX)\b/, []],
    ["looks at no foreign class names", /constructor\.name/, []],
  ] as const)("%s", (_, pattern, allowed) => {
    const found = files
      .filter((file) => pattern.test(file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")))
      .map((file) => relative(core, file.path))
      .filter((path) => !(allowed as readonly string[]).includes(path));
    expect(found).toEqual([]);
  });
});
