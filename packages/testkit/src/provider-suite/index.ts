/** @module The provider suite: what every wrapper of an SDK must do, as tests that run against each. */
export type { Ask, ClientSettings, ProviderUnderTest } from "./provider-under-test.ts";
export { providerSuite } from "./suite.ts";
