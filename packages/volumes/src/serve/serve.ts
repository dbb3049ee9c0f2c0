export { AccessKeys, accessKeysPath, addAccessKey, readAccessKeys, removeAccessKeys } from "./access/access-keys.ts";
export { type Caller, OWNER, requireRole } from "./access/caller.ts";
export { type PageSession, PageSessions, SESSION_SECONDS } from "./access/page-sessions.ts";
export { digestOf, isSameSecret, newSecret } from "./access/secrets.ts";
export { ServiceAccess } from "./access/service-access.ts";
export { type ApiAbout, openApiDocument } from "./openapi.ts";
export {
  bearerToken,
  isLoopbackName,
  notServed,
  problemDetails,
  readJson,
  readQuery,
  Refusal,
  requireOwnOrigin,
} from "./rest-input.ts";
export type { RestOperation, Schema } from "./rest-route.ts";
export { REST_ROUTES, VOLUMES_API } from "./rest-routes.ts";
export { createRestService } from "./rest-service.ts";
export { PackedFiles } from "./packed-files.ts";
export { servePage } from "./serve-page.ts";
export { ServedVolumes } from "./served-volumes.ts";
export { listenAt, type ListenPlace } from "./service-listener.ts";
export { MetricsText, RequestCounters } from "./metrics-text.ts";
export { defaultTokenPath, serviceToken, type ServiceToken } from "./service-token.ts";
export { readVolumeConfig, VOLUME_CONFIG_SCHEMA } from "./volume-config.ts";
