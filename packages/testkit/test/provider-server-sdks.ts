/** @module The SDKs of the workspace's compatibility tests, which are installed beside those and nowhere else. */
import { createRequire, registerHooks } from "node:module";
import type * as AnthropicModule from "../../../test/node_modules/@anthropic-ai/sdk/index.js";
import type * as BedrockModule from "../../../test/node_modules/@anthropic-ai/bedrock-sdk/index.js";
import type * as FoundryModule from "../../../test/node_modules/@anthropic-ai/foundry-sdk/index.js";
import type * as VertexModule from "../../../test/node_modules/@anthropic-ai/vertex-sdk/index.js";
import type * as GenAIModule from "../../../test/node_modules/@google/genai/dist/node/node.d.ts";
import type * as GenerativeAIModule from "../../../test/node_modules/@google/generative-ai/dist/generative-ai.d.ts";

const load = createRequire(new URL("../../../test/package.json", import.meta.url));

export type Anthropic = AnthropicModule.Anthropic;
export type GoogleGenAI = GenAIModule.GoogleGenAI;

type AnthropicClass = typeof AnthropicModule.Anthropic;

/** The newest version's types stand for all. */
export const anthropics: readonly (readonly [name: string, AnthropicClass])[] = [
  "@anthropic-ai/sdk",
  "anthropic-v0-101",
  "anthropic-v0-60",
].map((name) => [name, (load(name) as { default: AnthropicClass }).default]);

export const genais: readonly (readonly [name: string, typeof GenAIModule.GoogleGenAI])[] = [
  "@google/genai",
  "google-genai-v2",
].map((name) => [name, (load(name) as typeof GenAIModule).GoogleGenAI]);

export const Anthropic: AnthropicClass = anthropics[0]![1];
export const GoogleGenAI: typeof GenAIModule.GoogleGenAI = genais[0]![1];

/** Vitest's workers resolve with the condition "module", under which AWS's packages name files that Node cannot read. */
function loadAsNode(name: string): unknown {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: context.conditions.filter((one) => one !== "module") }),
  });
  try {
    return load(name);
  } finally {
    hooks.deregister();
  }
}

export const { AnthropicBedrock, AnthropicBedrockMantle } = loadAsNode(
  "@anthropic-ai/bedrock-sdk",
) as typeof BedrockModule;
export const { AnthropicVertex } = load("@anthropic-ai/vertex-sdk") as typeof VertexModule;
export const { AnthropicFoundry } = load("@anthropic-ai/foundry-sdk") as typeof FoundryModule;
export const { GoogleGenerativeAI } = load("@google/generative-ai") as typeof GenerativeAIModule;

/** Stands in for Google's sign-in, which would use the network. */
export const signedIn = {
  getRequestHeaders: (): Promise<Headers> => Promise.resolve(new Headers({ authorization: "Bearer t" })),
};
