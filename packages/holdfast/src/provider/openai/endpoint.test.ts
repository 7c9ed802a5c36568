import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { BYPASSES, type EndpointClass } from "../endpoint-class.ts";
import { classifyEndpoint } from "./endpoint.ts";

/** "metered chat.completions", "bypass realtime", "free", "unknown". */
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
  "/chat/completions": "chat.completions",
  "/completions": "completions",
  "/responses": "responses",
  "/responses/compact": "responses.compact",
  "/decisions": "decisions",
  "/embeddings": "embeddings",
  "/batches": "batches",
  "/moderations": "moderations",
  "/images/generations": "images.generations",
  "/images/edits": "images.edits",
  "/images/variations": "images.variations",
  "/audio/speech": "audio.speech",
  "/audio/transcriptions": "audio.transcriptions",
  "/audio/translations": "audio.translations",
};

describe("a metered endpoint", () => {
  const metered = Object.entries(METERED);
  it.each(metered)("%s", (path, endpoint) => {
    expect(named("post", path)).toBe(`metered ${endpoint}`);
  });

  it.each([
    (path: string) => `${path}?api-version=2026-01-01`,
    (path: string) => `${path}?beta=true#top`,
    (path: string) => `${path}/`,
    (path: string) => path.slice(1),
    (path: string) => `/${path}`,
    (path: string) => path.replaceAll("/", "//"),
    (path: string) => `/v1${path}`,
    (path: string) => `/openai/v1${path}`,
    (path: string) => `/deployments/gpt-5-mini${path}`,
    (path: string) => `/openai/deployments/my.deploy_ment-1${path}?api-version=2026-01-01`,
    (path: string) => `https://api.openai.com/v1${path}`,
    (path: string) => `HTTPS://API.openai.com/v1${path}?x=1`,
    (path: string) =>
      `https://my.openai.azure.com/openai/deployments/gpt-5-mini${path}?api-version=2026-01-01`,
    (path: string) => `https://my.openai.azure.com/openai/v1${path}`,
    (path: string) => `http://localhost:8080${path}`,
    (path: string) => `https://user:pass@proxy.example:8443//v1${path}/`,
  ])("is known in the form %#", (form) => {
    for (const [path, endpoint] of metered) expect(named("post", form(path))).toBe(`metered ${endpoint}`);
  });

  it.each(["POST", "Post", "put", "PATCH"])("is known with the method %s", (method) => {
    expect(named(method, "/chat/completions")).toBe("metered chat.completions");
  });

  it.each(["get", "GET", "delete", "HEAD", "options"])("costs nothing with the method %s", (method) => {
    expect(named(method, "/chat/completions")).toBe("free");
    expect(named(method, "/anything/else")).toBe("free");
  });

  it.each([
    "/files/../chat/completions",
    "/models/x/../../chat/completions",
    "/files/./../chat/completions",
    "/files/%2e%2e/chat/completions",
    "/files/.%2E/chat/completions",
    "/files\\..\\chat\\completions",
  ])("is not hidden by the way that leads to it: %s", (path) => {
    // The SDK builds a URL of it, which ends at /chat/completions.
    expect(new URL(`https://api.openai.com${path}`).pathname).toBe("/chat/completions");
    expect(named("post", path)).toBe("metered chat.completions");
  });
});

describe("a way around metering", () => {
  it.each([
    ["/fine_tuning/jobs", "fine-tuning"],
    ["/fine_tuning/jobs/j1/resume", "fine-tuning"],
    ["/fine_tuning/alpha/graders/run", "fine-tuning"],
    ["/evals/e1/runs", "evals"],
    ["/threads/runs", "agents"],
    ["/threads/t1/runs", "agents"],
    ["/threads/t1/runs/r1/submit_tool_outputs", "agents"],
    ["/chatkit/sessions", "agents"],
    ["/agents/sessions", "agents"],
    ["/agents/sessions/s1/events", "agents"],
    ["/agents/automations/a1/invocations", "agents"],
    ["/realtime/sessions", "realtime"],
    ["/realtime/client_secrets", "realtime"],
    ["/realtime/calls", "realtime"],
    ["/realtime/calls/c1/accept", "realtime"],
    ["/realtime/transcription_sessions", "realtime"],
    ["/realtime/translations/client_secrets", "realtime"],
    ["/live/sessions", "realtime"],
    ["/live/sessions/s1/fork", "realtime"],
    ["/videos", "videos"],
    ["/videos/v1/remix", "videos"],
    ["/videos/edits", "videos"],
    ["/containers", "containers"],
  ])("%s is %s", (path, bypass) => {
    expect(named("post", path)).toBe(`bypass ${bypass}`);
    expect(named("post", `https://api.openai.com/v1${path}?x=1`)).toBe(`bypass ${bypass}`);
    expect(named("get", path)).toBe("free");
  });

  it("has a name that can be allowed", () => {
    expect(new Set(BYPASSES).size).toBe(BYPASSES.length);
    expect(BYPASSES).toContain("background");
  });
});

describe("what costs nothing", () => {
  it.each([
    "/responses/input_tokens",
    "/responses/r1/cancel",
    "/chat/completions/c1",
    "/realtime/calls/c1/hangup",
    "/realtime/calls/c1/refer",
    "/realtime/calls/c1/reject",
    "/live/sessions/s1/hangup",
    "/batches/b1/cancel",
    "/fine_tuning/jobs/j1/cancel",
    "/fine_tuning/alpha/graders/validate",
    "/evals",
    "/evals/e1",
    "/threads",
    "/threads/t1/messages",
    "/threads/t1/runs/r1",
    "/threads/t1/runs/r1/cancel",
    "/assistants",
    "/agents",
    "/conversations/c1/items",
    "/containers/c1/files",
    "/files",
    "/uploads/u1/parts",
    "/vector_stores/v1/search",
    "/skills",
    "/organization/projects/p1/users",
    "/audio/voices",
    "/audio/voice_consents/v1",
    "/webhook_endpoints/w1/test",
  ])("%s", (path) => {
    expect(named("post", path)).toBe("free");
  });
});

describe("what is not known", () => {
  it.each([
    "",
    "/",
    "/chat",
    "/chat/completions2",
    "/chat/completions/c1/messages",
    "/completions/extra",
    "/filesystem",
    "/images",
    "/responses/r1",
    "/music/generations",
    "/Chat/Completions",
    "/v1",
    "https://",
    "https://[broken",
    "/__proto__",
    "/constructor",
    "/toString",
  ])("%j is not taken for free", (path) => {
    expect(named("post", path)).toBe("unknown");
  });
});

/** Every path that the installed SDK posts to, with "x" for each parameter. */
function postedPaths(): string[] {
  const sdk = dirname(createRequire(import.meta.url).resolve("openai"));
  const resources = join(sdk, "resources");
  return readdirSync(resources, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".mjs"))
    .flatMap((name) => {
      const text = readFileSync(join(resources, name), "utf8");
      const posts = [...text.matchAll(/_client\s*\.(?:post|put|patch)\((?:path\s*)?(['`])(\/.*?)\1/g)];
      const lists = [
        ...text.matchAll(/_client\s*\.getAPIList\((?:path\s*)?(['`])(\/.*?)\1[^;]*?method: 'post'/g),
      ];
      return [...posts, ...lists].map((match) => match[2]!.replaceAll(/\$\{[^}]*\}/g, "x"));
    });
}

describe("the installed SDK", () => {
  const paths = [...new Set(postedPaths())].toSorted();

  it("posts to many paths", () => {
    expect(paths.length).toBeGreaterThan(100);
    // Embeddings are posted by a helper of the SDK, which names its path elsewhere.
    const expected = Object.keys(METERED).filter((path) => path !== "/embeddings");
    for (const path of expected) expect(paths).toContain(path);
  });

  it("posts to no path that is not known", () => {
    expect(paths.filter((path) => named("post", path) === "unknown")).toEqual([]);
  });

  it("posts nothing that generates and is taken for free", () => {
    const free = paths.filter((path) => named("post", path) === "free");
    expect(
      free.filter((path) =>
        /generat|completion|speech|transcri|translat|embedding|\/runs$|invocations|sessions$/.test(path),
      ),
    ).toEqual(["/chat/completions/x"]);
  });
});
