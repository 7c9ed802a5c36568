import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generatedScripts } from "../../../../../scripts/inline-lua.ts";
import { SCRIPTS } from "./scripts.ts";

const lua = new URL("lua/", import.meta.url);
const files = readdirSync(lua).map((name) => [name, readFileSync(new URL(name, lua), "utf8")] as const);

describe("scripts.ts", () => {
  it("is what scripts/inline-lua.ts makes of the Lua files", () => {
    expect(readFileSync(new URL("scripts.ts", import.meta.url), "utf8")).toBe(generatedScripts());
  });
});

describe("a script", () => {
  const scripts = Object.entries(SCRIPTS);

  it.each(files)("%s says at its beginning what it takes and gives", (name, text) => {
    const header = text
      .split("\n")
      .filter((line) => line !== "")
      .slice(0, 3)
      .join("\n");
    if (text.startsWith("#!lua")) {
      for (const word of ["-- KEYS:", "-- ARGV:", "-- Result:"]) expect(text).toContain(word);
    } else {
      expect(header, name).toMatch(/^-- Fragment: /);
    }
  });

  it("that only gives room back, or records what was spent, runs when the server is out of memory", () => {
    const flags = Object.fromEntries(scripts.map(([name, { source }]) => [name, source.split("\n")[0]]));
    expect(flags).toEqual({
      adjust: "#!lua flags=allow-oom",
      balances: "#!lua flags=no-writes",
      dispatch: "#!lua flags=allow-oom",
      expire: "#!lua flags=allow-oom",
      getjob: "#!lua flags=no-writes",
      heartbeat: "#!lua flags=allow-oom",
      listjobs: "#!lua flags=no-writes",
      override: "#!lua",
      putjob: "#!lua",
      release: "#!lua flags=allow-oom",
      removejob: "#!lua flags=allow-oom",
      renew: "#!lua flags=allow-oom",
      reserve: "#!lua",
      restore: "#!lua flags=allow-oom",
      settle: "#!lua flags=allow-oom",
    });
  });

  it.each(scripts)("%s uses the commands of the documented permissions, and no others", (_, { source }) => {
    const used = [...source.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map((match) => match[1]!);
    const allowed = "TIME MGET MSET GET SET EXISTS DEL ZADD ZREM ZCARD ZRANGE ZRANGEBYSCORE INFO".split(" ");
    expect(used.filter((command) => !allowed.includes(command))).toEqual([]);
    expect(used.length).toBeGreaterThan(0);
    expect(source.match(/redis\.p?call\((?!')/)).toBeNull();
  });

  it.each(scripts)("%s never turns a number into text but by an integer format", (_, { source }) => {
    expect(source).not.toMatch(/tostring|%s|%g|%f/);
  });
});
