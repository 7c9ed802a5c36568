/**
 * Packs every package as it would be published, checks the tarballs (publint, attw), installs them into a fresh
 * project, and uses them there: ESM, require(esm), bundled, two copies in one process, and TypeScript with
 * `skipLibCheck: false` and no SDK installed.
 * Ends in the line `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const work = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
const bin = (name: string): string => join(root, "node_modules", ".bin", name);
let passed = 0;
let failed = 0;

function check(what: string, verify: () => void): void {
  try {
    verify();
    passed += 1;
    console.log(`ok    ${what}`);
  } catch (error) {
    failed += 1;
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    console.log(`FAIL  ${what}\n${stdout?.toString() ?? ""}${stderr?.toString() ?? String(error)}`);
  }
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, stdio: "pipe", encoding: "utf8" });
}

/** The imports of a module, and the rest of it. */
function splitImports(code: string): [head: string, body: string] {
  const lines = code.split("\n");
  const isImport = (line: string): boolean => line.trim().startsWith("import ");
  return [lines.filter(isImport).join("\n"), lines.filter((line) => !isImport(line)).join("\n")];
}

try {
  run(bin("tsc"), ["-b"], root);
  const tarballs = new Map<string, string>();
  for (const name of readdirSync(join(root, "packages"))) {
    const out = join(work, name);
    mkdirSync(out);
    // The files that belong to the whole repository are part of each package.
    cpSync(join(root, "LICENSE"), join(root, "packages", name, "LICENSE"));
    try {
      run("npx", ["-y", "pnpm@12", "pack", "--pack-destination", out], join(root, "packages", name));
    } finally {
      rmSync(join(root, "packages", name, "LICENSE"));
    }
    const file = readdirSync(out).find((one) => one.endsWith(".tgz"));
    if (file === undefined) throw new Error(`pnpm pack made no tarball of ${name}`);
    const tarball = join(out, file);
    tarballs.set(name, tarball);
    check(`publint ${name}`, () => run(bin("publint"), ["run", tarball, "--strict"], root));
    check(`attw ${name}`, () => run(bin("attw"), [tarball, "--profile", "esm-only"], root));
  }

  const consumer = join(work, "consumer");
  mkdirSync(consumer);
  writeFileSync(
    join(consumer, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  const installed = ["prices", "holdfast", "tokenizer"].map((name) => tarballs.get(name)!);
  run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...installed], consumer);

  const wrappers = [
    ["wrapOpenAI", "openai"],
    ["wrapAnthropic", "anthropic"],
    ["wrapGoogle", "google"],
  ] as const;
  const imports = wrappers.map(([name, path]) => `import { ${name} } from "holdfast/${path}";`).join("\n");
  writeFileSync(
    join(consumer, "esm.js"),
    `import { createHoldfast, HoldfastError } from "holdfast";
     ${imports}
     import { holdfastMiddleware } from "holdfast/ai-sdk";
     import { guardFetch } from "holdfast/provider";
     const holdfast = createHoldfast({ budgets: [{ id: "b", limit: { usd: "1" }, window: "day" }] });
     const [balance] = await holdfast.balances();
     if (balance.left.nanoUsd !== 1_000_000_000) throw new Error("wrong balance");
     for (const wrap of [${wrappers.map(([name]) => name).join(", ")}]) {
       try { wrap({}, holdfast); } catch (error) {
         if (HoldfastError.isHoldfastError(error) && error.code === "CLIENT_NOT_SUPPORTED") continue;
         throw error;
       }
       throw new Error("wrapped nothing");
     }
     if (typeof holdfastMiddleware(holdfast).wrapGenerate !== "function") throw new Error("no middleware");
     if (typeof guardFetch !== "function") throw new Error("no guardFetch");
     console.log("works");`,
  );
  writeFileSync(
    join(consumer, "cjs.cjs"),
    `const { createHoldfast } = require("holdfast");
     for (const [name, path] of ${JSON.stringify(wrappers)}) {
       if (typeof require("holdfast/" + path)[name] !== "function") throw new Error("require failed: " + path);
     }
     if (typeof createHoldfast !== "function") throw new Error("require failed");`,
  );
  writeFileSync(
    join(consumer, "types.ts"),
    `import { createHoldfast, type UsageRecord } from "holdfast";
     import { wrapOpenAI, type OpenAIClient } from "holdfast/openai";
     import { wrapAnthropic, type AnthropicClient } from "holdfast/anthropic";
     import { wrapGoogle, type GoogleClient } from "holdfast/google";
     import { holdfastMiddleware } from "holdfast/ai-sdk";
     import type { ProviderAdapter } from "holdfast/provider";
     declare const openai: OpenAIClient & { readonly mine: string };
     declare const anthropic: AnthropicClient & { readonly mine: string };
     declare const google: GoogleClient & { readonly mine: string };
     declare const adapter: ProviderAdapter<"chat">;
     const holdfast = createHoldfast({ budgets: [] });
     holdfast.on("usage", (record: UsageRecord) => record.costNanoUsd);
     export const kept: string[] = [
       wrapOpenAI(openai, holdfast, { agent: "a" }).mine,
       wrapAnthropic(anthropic, holdfast, { agent: "a" }).mine,
       wrapGoogle(google, holdfast, { agent: "a" }).mine,
       adapter.title,
     ];
     export const middleware = holdfastMiddleware(holdfast, { agent: "a" });
     // @ts-expect-error a client without withOptions is not an OpenAI client
     wrapOpenAI({}, holdfast);`,
  );
  const node = bin("node");
  check("ESM consumer", () => run(node, ["esm.js"], consumer));
  check("require(esm) consumer", () => run(node, ["cjs.cjs"], consumer));
  for (const format of ["esm", "cjs"] as const) {
    check(`bundled consumer, minified, ${format}`, () => {
      const out = `bundle-${format}.${format === "esm" ? "mjs" : "cjs"}`;
      // A bundle in CommonJS has no top-level await; the program is then a function of its own.
      const entry = format === "esm" ? "esm.js" : "wrapped.js";
      if (format === "cjs") {
        const [head, body] = splitImports(readFileSync(join(consumer, "esm.js"), "utf8"));
        writeFileSync(join(consumer, entry), `${head}\n(async () => {${body}})();`);
      }
      run(
        bin("esbuild"),
        [entry, "--bundle", "--minify", "--platform=node", `--format=${format}`, `--outfile=${out}`],
        consumer,
      );
      if (!run(node, [out], consumer).includes("works")) throw new Error("the bundle did not run to its end");
    });
  }
  check("two copies in one process", () => {
    const copy = join(consumer, "node_modules", "second-copy");
    cpSync(join(consumer, "node_modules", "holdfast"), copy, { recursive: true });
    writeFileSync(
      join(consumer, "copies.js"),
      `import { createHoldfast, BudgetExceededError, HoldfastError } from "holdfast";
       import * as other from "./node_modules/second-copy/dist/index.js";
       import { guardFetch } from "./node_modules/second-copy/dist/provider/index.js";
       if (BudgetExceededError === other.BudgetExceededError) throw new Error("one copy only");
       const holdfast = createHoldfast({ budgets: [{ id: "b", limit: { usd: "0" }, window: "day" }] });
       const reader = { requestIdHeader: "x", headBytes: 0, goesOnUnheard: false, mayReason: () => false,
         answer: () => ({ usage: { kind: "missing" }, served: { model: null, serviceTier: null } }) };
       const adapter = { title: "x", reader, classifyEndpoint: () => ({ kind: "metered", endpoint: "chat" }),
         shapeOf: () => ({ model: "gpt-5-mini", stream: false, serviceTier: null, textTokens: 9, otherInput: {},
           refersTo: null, toolFees: {}, unreportedFees: {}, usageWhenSilent: null,
           output: { kind: "text", limit: 9, choices: 1, extraTokens: 0, limitable: true, limitField: null } }) };
       const send = guardFetch(() => { throw new Error("sent"); }, holdfast, { adapter, provider: "openai" });
       const error = await send("http://x.test/", { method: "POST", body: "{}" }).catch((reason) => reason);
       if (!(error instanceof BudgetExceededError) || !(error instanceof other.BudgetExceededError)
         || !HoldfastError.isHoldfastError(error)) throw error;`,
    );
    run(node, ["copies.js"], consumer);
  });
  for (const [module, resolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    check(`types without an SDK, moduleResolution ${resolution}`, () =>
      run(
        bin("tsc"),
        [
          "--noEmit",
          "--strict",
          "--skipLibCheck",
          "false",
          "--target",
          "es2023",
          "--lib",
          "es2023",
          "--types",
          "",
          "--module",
          module,
          "--moduleResolution",
          resolution,
          "types.ts",
        ],
        consumer,
      ),
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
