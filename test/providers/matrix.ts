/**
 * @module Every client that is tested, in one list: the suite runs on each, and the README's table is made of it
 * (`node --conditions=holdfast-source scripts/supported-clients.ts`).
 */
import { readFileSync } from "node:fs";

export interface SupportedClient {
  /** What an application imports. */
  readonly client: string;
  /** Dependencies of this folder that are tested, newest first. */
  readonly packages: readonly string[];
  readonly wrapper: string;
  /** What is metered, in words. */
  readonly metered: string;
  /** The file of its suite. */
  readonly suite: string;
}

export const matrix: readonly SupportedClient[] = [
  {
    client: "`openai`: `OpenAI`, `AzureOpenAI`, `BedrockOpenAI`, `provider: bedrock()`, compatible servers",
    packages: ["openai", "openai-v6", "openai-v5"],
    wrapper: "`wrapOpenAI`",
    metered:
      "chat, responses, background responses, batches, embeddings, images, audio, moderations, legacy completions, helpers, raw `post`",
    suite: "openai.test.ts",
  },
  {
    client: "`@anthropic-ai/sdk`: `Anthropic`",
    packages: ["@anthropic-ai/sdk", "anthropic-v0-101", "anthropic-v0-60"],
    wrapper: "`wrapAnthropic`",
    metered:
      "messages and beta messages with `parse`, `stream`, `toolRunner`, threads; message batches; legacy completions",
    suite: "anthropic.test.ts",
  },
  {
    client: "`@anthropic-ai/bedrock-sdk` (Mantle too)",
    packages: ["@anthropic-ai/bedrock-sdk"],
    wrapper: "`wrapAnthropic`",
    metered: "messages, event streams",
    suite: "anthropic.test.ts",
  },
  {
    client: "`@anthropic-ai/vertex-sdk`",
    packages: ["@anthropic-ai/vertex-sdk"],
    wrapper: "`wrapAnthropic`",
    metered: "messages, streams",
    suite: "anthropic.test.ts",
  },
  {
    client: "`@anthropic-ai/foundry-sdk`",
    packages: ["@anthropic-ai/foundry-sdk"],
    wrapper: "`wrapAnthropic`",
    metered: "messages, streams",
    suite: "anthropic.test.ts",
  },
  {
    client: "`@google/genai`: Gemini API and Vertex AI",
    packages: ["@google/genai", "google-genai-v2"],
    wrapper: "`wrapGoogle`",
    metered:
      "content and streams, chats, function calling and continuation hop by hop, embeddings, images, interactions, batches",
    suite: "google.test.ts",
  },
  {
    client: "`@google/generative-ai` (end of life since 2025-08-31: move to `@google/genai`)",
    packages: ["@google/generative-ai"],
    wrapper: "`wrapGoogle`",
    metered: "models, streams, chat sessions, embeddings",
    suite: "google.test.ts",
  },
  {
    client: "`ai` (Vercel AI SDK)",
    packages: ["ai", "ai-v6"],
    wrapper: "`holdfastMiddleware`",
    metered: "generate and stream of every step and try, embeddings",
    suite: "ai-sdk.test.ts",
  },
];

const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  dependencies: Readonly<Record<string, string>>;
};

/** "7.57", "6.49": as installed here. */
export function versionsOf({ packages }: SupportedClient): readonly string[] {
  return packages.map((name) => {
    const spec = dependencies[name];
    const version = /(\d+\.\d+)\.\d+$/.exec(spec ?? "")?.[1];
    if (version === undefined)
      throw new Error(`${name} is not a dependency of the tests with an exact version.`);
    return version;
  });
}

/** The table, as it stands in the README. */
export function supportedClientsTable(): string {
  const rows = matrix.map(
    (one) => `| ${one.client} | ${versionsOf(one).join(", ")} | ${one.wrapper} | ${one.metered} |`,
  );
  return ["| client | versions tested | by | metered |", "| --- | --- | --- | --- |", ...rows].join("\n");
}
