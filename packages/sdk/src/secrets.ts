/** What programs have of secrets: stand-ins, and an authority to trust. */
export { AUTHORITY_ENVIRONMENT, AUTHORITY_SUBJECT, writeAuthority } from "./authority-files.ts";
export { checkSecrets } from "./net-secrets.ts";
export { standInsOf } from "./secret-stand-ins.ts";
