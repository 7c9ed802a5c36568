/** @module Whose wire format a request speaks, told by its path, and by its headers where paths are shared. */
import { isSigned } from "./aws-signature.ts";
import { anthropicAddress } from "./anthropic/address.ts";
import { googleAddress } from "./google/address.ts";

/** Whose wire format it is, whoever hosts it. */
export type ProviderName = "openai" | "anthropic" | "google";

/** Who hosts it; "direct" is the provider's own API. */
export type Platform = "direct" | "azure" | "bedrock" | "vertex" | "foundry";

export interface Address {
  readonly provider: ProviderName;
  readonly platform: Platform;
  /** The path without version, prefix, project and region: "/chat/completions", "/messages", "/models/m:countTokens". */
  readonly route: string;
  /** The route without the model: "/chat/completions", "/messages", ":countTokens". */
  readonly endpoint: string;
  /** The model, when the path names it. */
  readonly model: string | undefined;
  /** The path alone makes it a stream, or not; undefined: the body decides. */
  readonly stream: boolean | undefined;
}

export type Headers = Readonly<Record<string, string | undefined>>;

function openai(platform: Platform, route: string, model?: string): Address {
  return { provider: "openai", platform, route, endpoint: route, model, stream: undefined };
}

/** Ends in one of the paths that only OpenAI and those compatible with it have. */
const compatible =
  /^\/(?:.*?\/)??((?:chat\/completions|completions|embeddings|decisions|moderations|images\/(?:generations|edits)|audio\/(?:transcriptions|translations|speech))|responses(?:\/.*)?)$/;

/** Strips "/v1", "/openai", "/openai/v1", "/openai/deployments/{name}" and, before known paths, any prefix. */
function openaiAddress(path: string, headers: Headers): Address {
  const deployment = /^\/openai\/deployments\/([^/]+)(\/.*)$/.exec(path);
  if (deployment) return openai("azure", deployment[2] ?? "/", decodeURIComponent(deployment[1] ?? ""));
  const azure = /^\/openai(?:\/v1)?(\/.*)$/.exec(path);
  // Amazon's servers have the same path.
  if (azure) return openai(isSigned(headers) ? "bedrock" : "azure", azure[1] ?? "/");
  const platform = /\/projects\/[^/]+\/locations\//.test(path) ? "vertex" : "direct";
  const prefixed = compatible.exec(path)?.[1];
  if (prefixed !== undefined) return openai(platform, `/${prefixed}`);
  return openai(platform, path.replace(/^(?:\/[^/]+)*?\/v1(?=\/|$)/, "") || "/");
}

export function addressOf(path: string, query: Headers, headers: Headers): Address {
  const deployed = path.startsWith("/openai/") || compatible.test(path);
  return (
    (deployed ? undefined : (anthropicAddress(path, headers) ?? googleAddress(path, query, headers))) ??
    openaiAddress(path, headers)
  );
}
