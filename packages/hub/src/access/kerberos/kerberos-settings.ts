/** What `stratos hub` is told of Kerberos. */
export interface KerberosSettings {
  /** The file's bytes. */
  readonly keytab: Uint8Array;
  /** `alice@REALM`, `*\/admin@REALM`: `*` is any one part of the name. */
  readonly roles: readonly { readonly pattern: string; readonly role: string }[];
}

const PATTERN = /^(\*|[A-Za-z0-9._+$:-]+)(\/(\*|[A-Za-z0-9._+$:-]+))*@[A-Za-z0-9._+$:-]+$/;

export const isPrincipalPattern = (text: string): boolean => PATTERN.test(text);
