import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EndpointClass } from "../endpoint-class.ts";
import { classifyEndpoint } from "./endpoint.ts";

/** "metered messages", "bypass agents", "free", "unknown". */
function named(method: string, path: string): string {
  const found: EndpointClass = classifyEndpoint(method, path);
  switch (found.kind) {
    case "metered":
      return `metered ${found.endpoint}`;
    case "bypass":
      return `bypass ${found.bypass}`;
    case "free":
    case "unknown":
      return found.kind;
  }
}

const METERED = {
  "/v1/messages": "messages",
  "/v1/complete": "completions",
  "/v1/messages/batches": "batches",
};

describe("a metered endpoint", () => {
  const metered = Object.entries(METERED);
  it.each([
    (path: string) => path,
    (path: string) => `${path}?beta=true`,
    (path: string) => `${path}?beta=true#top`,
    (path: string) => `${path}/`,
    (path: string) => path.slice(1),
    (path: string) => `/${path}`,
    (path: string) => path.replaceAll("/", "//"),
    (path: string) => `/anthropic${path}`,
    (path: string) => `https://us-east5-aiplatform.googleapis.com/v1${path}`,
    (path: string) => `https://gateway.ai.cloudflare.com/v1/account/gateway/anthropic${path}`,
    (path: string) => `https://api.anthropic.com${path}`,
    (path: string) => `HTTPS://API.anthropic.com${path}?beta=true`,
    (path: string) => `https://resource.services.ai.azure.com/anthropic${path}`,
    (path: string) => `https://gateway.example/a/b/claude${path}`,
    (path: string) => `/v1/files/..${path.slice(3)}`,
  ])("is known in the form %#", (form) => {
    for (const [path, endpoint] of metered) {
      for (const method of ["post", "POST", "put", "patch"])
        expect(named(method, form(path)), form(path)).toBe(`metered ${endpoint}`);
      for (const method of ["get", "DELETE", "head", "options"])
        expect(named(method, form(path))).toBe("free");
    }
  });
});

describe("managed agents", () => {
  it.each([
    "/v1/sessions",
    "/v1/sessions?beta=true",
    "/v1/sessions/s1",
    "/v1/sessions/s1/events",
    "/v1/sessions/s1/resources",
    "/v1/deployments",
    "/v1/deployments/d1",
    "/v1/deployments/d1/run",
    "/v1/deployments/d1/unpause",
    "/v1/environments",
    "/v1/environments/e1/work/w1/ack",
    "/v1/dreams",
    "/v1/dreams/",
    "//v1//dreams",
    "https://api.anthropic.com/v1/sessions",
  ])("%s is a way around metering", (path) => {
    expect(named("post", path)).toBe("bypass agents");
  });
});

it.each([
  "/v1/messages/count_tokens?beta=true",
  "/v1/messages/batches/b1/cancel",
  "/v1/sessions/s1/archive",
  "/v1/dreams/d1/cancel",
  "/v1/environments/e1/work/w1/stop",
  "/v1/agents",
  "/v1/files",
  "/v1/organizations/spend_limits",
  "/v1/skills/s1/versions/v1/messages",
])("%s costs nothing", (path) => {
  expect(named("post", path)).toBe("free");
});

it.each([
  "/v1/experimental/generate_prompt",
  "/v1/messagesx",
  "/v2/messages",
  "/",
  "",
  "/v1",
  "/v1/messages/m1",
])("what is posted to %j is not known", (path) => {
  expect(named("post", path)).toBe("unknown");
});

describe("every request of the SDK's resources", () => {
  const require = createRequire(new URL("../../../../../test/package.json", import.meta.url));
  const versions = ["@anthropic-ai/sdk", "anthropic-v0-101", "anthropic-v0-60"];

  /** Paths that the resources post to, with ids filled in. */
  function postedPaths(name: string): readonly string[] {
    const root = join(dirname(require.resolve(name)), "src");
    const sources = ["resources", "lib"].flatMap((folder) => {
      const at = join(root, folder);
      return readdirSync(at, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => readFileSync(join(at, file), "utf8"));
    });
    const calls = /\.(?:post|put|patch)(?:<[^(]*>)?\(\s*(?:path)?(['"`])(\/[^'"`]*)\1/g;
    return sources.flatMap((source) =>
      [...source.matchAll(calls)].map((match) => match[2]!.replace(/\$\{[^}]*\}/g, "x1")),
    );
  }

  it.each(versions)("is known: %s", (name) => {
    const paths = [...new Set(postedPaths(name))];
    expect(paths.length).toBeGreaterThan(5);
    expect(paths).toContain("/v1/messages");
    expect(paths.filter((path) => named("post", path) === "unknown")).toEqual([]);
  });

  it("is told apart", () => {
    const kinds = new Map<string, string[]>();
    for (const path of new Set(postedPaths("@anthropic-ai/sdk"))) {
      const kind = named("post", path);
      kinds.set(kind, [...(kinds.get(kind) ?? []), path.replace("?beta=true", "")]);
    }
    expect(new Set(kinds.get("metered messages"))).toEqual(new Set(["/v1/messages"]));
    expect(new Set(kinds.get("metered batches"))).toEqual(new Set(["/v1/messages/batches"]));
    expect(
      kinds
        .get("bypass agents")!
        .every((path) => /^\/v1\/(sessions|deployments|environments|dreams)/.test(path)),
    ).toBe(true);
    expect(kinds.get("bypass agents")!.length).toBeGreaterThan(12);
    expect(kinds.get("free")!.length).toBeGreaterThan(60);
  });
});
