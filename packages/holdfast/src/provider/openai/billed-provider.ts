/**
 * @module Who sends the bill for an OpenAI client's requests: the provider in the price list.
 *
 * A compatible server has prices of its own: pricing its `gpt-4o` as OpenAI's would be a guess. Addresses of the public
 * APIs as in the providers' documentation (2026-11). An address that is not known (a gateway, a proxy, a server of one's
 * own) is taken to stand for OpenAI, unless the wrapper is told otherwise.
 */
import type { DerivableClient } from "./client-shape.ts";

const KNOWN_HOSTS: readonly (readonly [RegExp, string])[] = [
  [/^bedrock-(?:runtime|mantle)[.-][a-z0-9.-]+$/, "aws"],
  [/(^|\.)openai\.azure\.com$|(^|\.)services\.ai\.azure\.com$|(^|\.)cognitiveservices\.azure\.com$/, "azure"],
  [/(^|\.)googleapis\.com$/, "google"],
  [/^api\.anthropic\.com$/, "anthropic"],
  [/^api\.cerebras\.ai$/, "cerebras"],
  [/^api\.cohere\.(ai|com)$/, "cohere"],
  [/^api\.deepseek\.com$/, "deepseek"],
  [/^api\.fireworks\.ai$/, "fireworks"],
  [/^api\.groq\.com$/, "groq"],
  [/^api\.mistral\.ai$/, "mistral"],
  [/^api\.moonshot\.(ai|cn)$/, "moonshotai"],
  [/^(api\.)?openrouter\.ai$/, "openrouter"],
  [/^api\.perplexity\.ai$/, "perplexity"],
  [/^api\.together\.xyz$/, "together"],
  [/^api\.x\.ai$/, "x-ai"],
];

export function billedProvider(client: Pick<DerivableClient, "baseURL" | "apiVersion">): string {
  if (client.apiVersion !== undefined) return "azure";
  let host: string;
  try {
    host = new URL(client.baseURL).hostname;
  } catch {
    return "openai";
  }
  return KNOWN_HOSTS.find(([pattern]) => pattern.test(host))?.[1] ?? "openai";
}
