/** @module Google's paths: the Gemini API and Vertex AI, in every API version. */
import type { Address, Headers } from "../address.ts";

const versions = /^(?:\/.*?)?\/(v1|v1alpha|v1beta|v1beta1)(\/.*)$/;

/** Only Google has a method after a colon; the other paths it shares are told by its headers. */
function isGoogle(version: string, route: string, query: Headers, headers: Headers): boolean {
  if (version !== "v1" || /\/[^/:]+:[A-Za-z]+$/.test(route)) return true;
  if (/^\/(interactions|cachedContents|tunedModels|fileSearchStores|projects)(\/|$)/.test(route)) return true;
  return (
    headers["x-goog-api-key"] !== undefined ||
    headers["x-goog-api-client"] !== undefined ||
    query["key"] !== undefined
  );
}

/** undefined: not one of Google's. */
export function googleAddress(path: string, query: Headers, headers: Headers): Address | undefined {
  const [, version, rest] = versions.exec(path) ?? [];
  if (version === undefined || rest === undefined || !isGoogle(version, rest, query, headers))
    return undefined;
  const project = /^\/projects\/[^/]+\/locations\/[^/]+(\/.*)$/.exec(rest)?.[1];
  const route = (project ?? rest).replace(/^\/publishers\/[^/]+(?=\/)/, "");
  const vertex = project !== undefined || rest.startsWith("/publishers/");
  const called = /^\/(.+):([A-Za-z]+)$/.exec(route);
  const model =
    called?.[1] === undefined ? undefined : decodeURIComponent(called[1]).replace(/^models\//, "");
  return {
    provider: "google",
    platform: vertex ? "vertex" : "direct",
    route,
    endpoint: called ? `:${called[2]}` : route,
    model,
    stream: called ? called[2] === "streamGenerateContent" : undefined,
  };
}
