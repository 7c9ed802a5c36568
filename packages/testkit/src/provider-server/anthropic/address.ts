/** @module Anthropic's paths: its own API, Foundry, Vertex AI and Bedrock. */
import { isSigned } from "../aws-signature.ts";
import type { Address, Headers, Platform } from "../address.ts";

function messages(platform: Platform, model: string, stream: boolean): Address {
  const common = { provider: "anthropic", platform } as const;
  if (platform === "vertex" && model === "count-tokens") {
    const route = "/messages/count_tokens";
    return { ...common, route, endpoint: route, model: undefined, stream: false };
  }
  return { ...common, route: "/messages", endpoint: "/messages", model, stream };
}

/** undefined: not one of Anthropic's. "/v1/models" is: when its headers say so. */
export function anthropicAddress(path: string, headers: Headers): Address | undefined {
  const bedrock = /\/model\/([^/]+)\/(invoke|invoke-with-response-stream)$/.exec(path);
  if (bedrock) {
    return messages("bedrock", decodeURIComponent(bedrock[1] ?? ""), bedrock[2] !== "invoke");
  }
  const vertex = /\/publishers\/anthropic\/models\/([^/]+):(rawPredict|streamRawPredict)$/.exec(path);
  if (vertex) {
    return messages("vertex", decodeURIComponent(vertex[1] ?? ""), vertex[2] === "streamRawPredict");
  }
  const own = headers["anthropic-version"] !== undefined;
  const direct = /^(\/.*)?\/v1(\/messages(?:\/.*)?)$/.exec(path);
  const route = direct?.[2] ?? (own ? /^(?:\/.*?)?\/v1(\/.*)$/.exec(path)?.[1] : undefined);
  if (route === undefined) return undefined;
  const platform = isSigned(headers) ? "bedrock" : path.startsWith("/anthropic/") ? "foundry" : "direct";
  return { provider: "anthropic", platform, route, endpoint: route, model: undefined, stream: undefined };
}
