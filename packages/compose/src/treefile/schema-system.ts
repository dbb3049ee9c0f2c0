/**
 * Keys of a treefile that say how the system is set up: its names, accounts, own files and services.
 * A part of `schema.ts`.
 */
import { ID, MODE, SET, TEXT, WORDS } from "./schema-vocabulary.ts";

const PATH = { type: "string", pattern: "^/[^:\\n]*$", title: "a path that begins with / and has no ':'" } as const;
const FIELD = { type: "string", pattern: "^[^:\\n]*$", title: "one line without ':'" } as const;

export const SYSTEM_KEYS = {
  hostname: {
    type: "string",
    pattern: "^[A-Za-z0-9$]([A-Za-z0-9.${}-]{0,62}[A-Za-z0-9}])?$",
    title: "a host's name of letters, digits, '.' and '-'",
    description: "name of the machine, with the variables of file names (default: localhost)",
    examples: ["web-${variant}"],
  },
  timezone: {
    type: "string",
    pattern: "^[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*$",
    title: "a time zone, such as Europe/Berlin",
    description: "time zone of the machine, of the package tzdata (default: UTC)",
    examples: ["Europe/Berlin"],
  },
  locale: {
    type: "string",
    pattern: "^[A-Za-z_]+(\\.[A-Za-z0-9-]+)?(@[a-z]+)?$",
    title: "a locale, such as de_DE.UTF-8",
    description: "language of the system; C.UTF-8 is always there, others take the package locales-all",
    examples: ["C.UTF-8"],
  },
  users: {
    type: "object",
    description: "accounts to make, or to change where a package has made them, by name",
    propertyNames: { pattern: "^[a-z_][a-z0-9_-]{0,31}$", title: "a user's name in small letters" },
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      properties: {
        uid: { ...ID, description: "number of the account (default: the next free one)", examples: [1500] },
        gid: {
          ...ID,
          description: "number of its group, which must be there (default: a group of the account's name and number)",
          examples: [100],
        },
        groups: {
          ...WORDS,
          description: "further groups, which must be there when all packages are configured",
          examples: [["sudo", "adm"]],
        },
        home: {
          ...PATH,
          description: "home folder, made from /etc/skel (default: /home/NAME)",
          examples: ["/srv/ada"],
        },
        shell: { ...PATH, description: "program that a login starts (default: /bin/sh)", examples: ["/bin/bash"] },
        comment: { ...FIELD, description: "name of the person", examples: ["Ada Lovelace"] },
        system: {
          type: "boolean",
          description: "of a service: a number below 1000, no home, no login (default: false)",
        },
        password: {
          type: "string",
          pattern: "^([!*]*|!?\\$[0-9a-z]+\\$[^:\\n]+|!?[./0-9A-Za-z]{13}|!?_[./0-9A-Za-z]{19})$",
          title: "a hash as crypt(5) has it, such as `mkpasswd` or `openssl passwd -6` prints, not the password itself",
          description: "as crypt(5) has it, such as `mkpasswd` prints (default: locked)",
          examples: ["$6$salt$hash"],
        },
        "ssh-keys": {
          type: "array",
          ...SET,
          items: {
            type: "string",
            pattern:
              "^([^\\n]*[ " +
              "\\t])?(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)" +
              "@openssh\\.com|ssh-(rsa|ed25519)-cert-v01@openssh\\.com) +AAAA[0-9A-Za-z+/]{8,}={0,3}([ \\t][^\\n]*)?$",
            title: 'a public key as its .pub file has it, such as "ssh-ed25519 AAAA… NAME"',
          },
          description: "who may log in by SSH: lines of ~/.ssh/authorized_keys",
          examples: [["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample ada"]],
        },
      },
    },
  },
  files: {
    type: "object",
    description:
      "files, links and folders to lay over the packages' own, by path; each says exactly one of content, " +
      "source, link and folder",
    propertyNames: {
      pattern: "^(/(?!\\.{0,2}(/|$))[^/\\u0000]+)+$",
      title: "a path that begins with / and does not end with it, without '//', '.' and '..'",
    },
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      properties: {
        content: { ...TEXT, description: "what the file holds", examples: ["hello\n"] },
        source: { ...TEXT, description: "file beside the treefile that it is a copy of", examples: ["files/motd"] },
        link: { ...TEXT, minLength: 1, description: "makes a symbolic link that leads there", examples: ["/srv/data"] },
        folder: { const: true, description: "makes a folder, or gives one that is there its mode and owner" },
        mode: {
          ...MODE,
          description: 'permissions, in octal and quotes (default: "0644", of a folder "0755")',
          examples: ["0755"],
        },
        uid: { ...ID, description: "number of its owner (default: 0, root)", examples: [33] },
        gid: { ...ID, description: "number of its group (default: 0, root)", examples: [33] },
      },
    },
  },
  "remove-files": {
    type: "array",
    ...SET,
    items: { type: "string", pattern: "^-?/.*$", title: "a path or pattern that begins with /, or with -/" },
    description: "patterns of paths to remove when all else is done; ** crosses folders",
    examples: [["/usr/share/doc/**"]],
  },
  services: {
    type: "object",
    additionalProperties: false,
    description: "units of systemd; `.service` may be left out",
    properties: {
      enable: {
        ...WORDS,
        description: "to start with the machine; which units there are is known when the packages are unpacked",
        examples: [["nginx", "fstrim.timer"]],
      },
      disable: {
        ...WORDS,
        description: "not to start, though their package wants it",
        examples: [["apt-daily.timer"]],
      },
      mask: { ...WORDS, description: "never to start, whoever asks", examples: [["ctrl-alt-del.target"]] },
    },
  },
} as const;

export interface UserConfig {
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly string[];
  readonly home?: string;
  readonly shell?: string;
  readonly comment?: string;
  readonly system?: boolean;
  readonly password?: string;
  readonly "ssh-keys"?: readonly string[];
}

interface FileConfig {
  readonly content?: string;
  readonly source?: string;
  readonly link?: string;
  readonly folder?: true;
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface SystemConfig {
  readonly hostname?: string;
  readonly timezone?: string;
  readonly locale?: string;
  readonly users?: Readonly<Record<string, UserConfig>>;
  readonly files?: Readonly<Record<string, FileConfig>>;
  readonly "remove-files"?: readonly string[];
  readonly services?: {
    readonly enable?: readonly string[];
    readonly disable?: readonly string[];
    readonly mask?: readonly string[];
  };
}
