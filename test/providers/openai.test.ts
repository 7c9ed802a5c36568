/** @module The provider suite on every OpenAI client. */
import { providerSuite } from "@holdfast/testkit/provider-suite";
import { openaiClients } from "./openai.ts";

for (const client of openaiClients) providerSuite(client);
