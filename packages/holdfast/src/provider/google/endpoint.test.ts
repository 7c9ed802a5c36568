import { describe, expect, it } from "vitest";
import { BYPASSES, type EndpointClass } from "../endpoint-class.ts";
import { classifyEndpoint, modelIn, plainModelName } from "./endpoint.ts";

/** "metered generateContent", "bypass realtime", "free", "unknown". */
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

/** Every POST and PATCH of @google/genai 2.32 and 3.1 and of @google/generative-ai 0.24 (2026-11). */
const POSTED: Readonly<Record<string, string>> = {
  "models/m:generateContent": "metered generateContent",
  "models/m:streamGenerateContent?alt=sse": "metered streamGenerateContent",
  "models/m:embedContent": "metered embedContent",
  "models/m:batchEmbedContents": "metered batchEmbedContents",
  "models/m:predict": "metered predict",
  "models/m:batchGenerateContent": "metered batches",
  "models/m:asyncBatchEmbedContent": "metered batches",
  interactions: "metered interactions",
  "models/m:countTokens": "free",
  "models/m:computeTokens": "free",
  "models/m:predictLongRunning": "bypass videos",
  "models/m:fetchPredictOperation": "free",
  "models/m": "free",
  "tunedModels/m": "free",
  "interactions/i/cancel": "free",
  "batches/b:cancel": "free",
  batches: "bypass batches",
  batchPredictionJobs: "bypass batches",
  "batchPredictionJobs/1:cancel": "free",
  cachedContents: "bypass storage",
  "cachedContents/c": "bypass storage",
  tunedModels: "bypass fine-tuning",
  tuningJobs: "bypass fine-tuning",
  "tuningJobs/t:cancel": "free",
  "tuningJobs:validateReinforcementTuningReward": "bypass fine-tuning",
  auth_tokens: "bypass realtime",
  files: "free",
  "files:register": "free",
  fileSearchStores: "free",
  "fileSearchStores/s:importFile": "bypass storage",
  "fileSearchStores/s:uploadToFileSearchStore": "bypass storage",
  "fileSearchStores/s/documents": "free",
  agents: "free",
  triggers: "bypass agents",
  "triggers/t": "bypass agents",
  "triggers/t/executions": "bypass agents",
  environments: "bypass containers",
  "environments/e/files/a/b.txt": "free",
  "environments/e/files/a:b.txt": "free",
  credentials: "free",
  "credentials/c": "free",
  webhooks: "free",
  "webhooks/w": "free",
  "webhooks/w:ping": "free",
  "webhooks/w:rotateSigningSecret": "free",
  voices: "unknown",
  "models/m:rawPredict": "unknown",
  "models/m:streamRawPredict": "unknown",
  "models/m:constructor": "unknown",
  somethingNew: "unknown",
  "models/m:somethingNew": "unknown",
  "files/f/somethingNew": "unknown",
  "models/m:generate_content": "unknown",
  "models/m:generateContentV2": "unknown",
  "models/m:generateContent;v=1": "unknown",
  "models/m:": "unknown",
  "tunedModels/m:do-it": "unknown",
  "environments/e:run2": "unknown",
  "agents/a:run_now": "unknown",
  "cachedContents/c:renew-it": "unknown",
};

describe("what is posted", () => {
  it.each(Object.entries(POSTED))("%s is %s", (path, expected) => {
    for (const prefix of [
      "https://generativelanguage.googleapis.com/v1beta/",
      "https://aiplatform.googleapis.com/v1/projects/p/locations/l/",
      "https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p/locations/l/publishers/google/",
      "http://gateway.local/some/prefix/v1/",
      "/v1alpha/",
      "",
    ]) {
      expect(named("POST", prefix + path)).toBe(expected);
      expect(named("patch", prefix + path)).toBe(expected);
    }
  });

  it.each([
    "/v1/models/m%3AgenerateContent",
    "//v1//models/m:generateContent",
    "/v1/x/../models/m:generateContent",
    "/v1/models/m:generateContent/",
  ])("%s, however it is written", (path) => {
    expect(named("POST", path)).toBe("metered generateContent");
  });

  it("uploads are free", () => {
    expect(named("POST", "https://h/upload/v1beta/files?uploadType=resumable&upload_id=1")).toBe("free");
    expect(named("POST", "https://h/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore")).toBe(
      "bypass storage",
    );
  });

  it("what is no address is not known", () => {
    expect(named("POST", "http://[")).toBe("unknown");
  });
});

it("reading and deleting are free", () => {
  for (const path of Object.keys(POSTED)) {
    for (const method of ["GET", "delete", "HEAD"]) expect(named(method, `/v1/${path}`)).toBe("free");
  }
});

it("every way around metering has a name that can be allowed", () => {
  for (const expected of Object.values(POSTED)) {
    const bypass = /^bypass (.+)$/.exec(expected)?.[1];
    if (bypass !== undefined) expect(BYPASSES).toContain(bypass);
  }
});

describe("the model", () => {
  it.each([
    ["https://h/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"],
    ["https://h/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "gemini-2.5-flash"],
    ["https://h/v1beta/tunedModels/mine:generateContent", "tunedModels/mine"],
    ["https://h/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:predict", "gemini-2.5-pro"],
    ["https://h/v1/publishers/google/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"],
    ["https://h/v1/projects/p/locations/l/publishers/meta/models/llama-3:generateContent", "meta/llama-3"],
    ["https://h/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:generateContent", "claude-x"],
    ["https://h/v1/projects/p/locations/l/endpoints/123:generateContent", "endpoints/123"],
    ["https://h/v1/models/a%2Fb:generateContent", "a/b"],
    ["https://h/v1/interactions", undefined],
  ])("of %s is %s", (path, model) => {
    expect(modelIn(path)).toBe(model);
  });

  it.each([
    ["gemini-2.5-flash", "gemini-2.5-flash"],
    ["models/gemini-2.5-flash", "gemini-2.5-flash"],
    ["publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"],
    ["projects/p/locations/l/publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"],
    ["tunedModels/mine", "tunedModels/mine"],
    ["", ""],
  ])("%s is plainly %s", (name, plain) => {
    expect(plainModelName(name)).toBe(plain);
  });
});
