/** @module The dialects of the server, by provider. */
import type { ProviderName } from "./address.ts";
import { anthropicDialect } from "./anthropic/dialect.ts";
import type { Dialect } from "./endpoint.ts";
import { googleDialect } from "./google/dialect.ts";
import { openaiDialect } from "./openai/dialect.ts";

const dialects: Readonly<Record<ProviderName, Dialect>> = {
  openai: openaiDialect,
  anthropic: anthropicDialect,
  google: googleDialect,
};

export function dialectOf(request: { readonly provider: ProviderName }): Dialect {
  return dialects[request.provider];
}
