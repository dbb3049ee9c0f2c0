/** What a hub can be told: checked without what serves it, so that its command's help and its clients start quickly. */
export { RATE_LIMIT_DEFAULT } from "./api/rate-limit.ts";
export { isPrincipalPattern, type KerberosSettings } from "./access/kerberos/kerberos-settings.ts";
export { serviceKeys } from "./access/kerberos/keytab.ts";
export { oidcFault, type OidcSettings } from "./access/oidc.ts";
