/** @module The provider suite on every Google client. */
import { providerSuite } from "@holdfast/testkit/provider-suite";
import { googleClients } from "./google.ts";

for (const client of googleClients) providerSuite(client);
