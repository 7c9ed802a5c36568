/** @module The provider suite on the Vercel AI SDK's models under the middleware. */
import { providerSuite } from "@holdfast/testkit/provider-suite";
import { aiSdkModels } from "./ai-sdk.ts";

for (const models of aiSdkModels) providerSuite(models);
