/** @module The provider suite on every Anthropic client. */
import { providerSuite } from "@holdfast/testkit/provider-suite";
import { anthropicClients } from "./anthropic.ts";

for (const client of anthropicClients) providerSuite(client);
