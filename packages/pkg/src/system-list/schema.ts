/**
 * What a system list may say: the JSON Schema that is checked against, published, and the source of the reference.
 * Draft 2020-12.
 */

/** The title beside a pattern is its form in words, for who broke it. */
interface NameForm {
  readonly pattern: string;
  readonly title: string;
}
const NAMES = (description: string, form: NameForm): object => ({
  type: "array",
  description,
  uniqueItems: true,
  items: { type: "string", ...form },
});
const ALPM_NAME: NameForm = {
  pattern: "^([a-zA-Z0-9@_+][a-zA-Z0-9@._+-]*/)?[a-zA-Z0-9@_+][a-zA-Z0-9@._+-]*$",
  title: "a package's name, or REPOSITORY/NAME",
};
const DEBIAN_NAME: NameForm = { pattern: "^[a-z0-9][a-z0-9+.-]+$", title: "a Debian package's name in small letters" };
const UNIT_NAME: NameForm = {
  pattern: "^[A-Za-z0-9:_.@\\\\-]+\\.(service|socket|timer|path|mount|target|slice|swap|automount)$",
  title: "a unit's name with its kind, such as sshd.service",
};

export const SYSTEM_LIST_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "https://stratos.invalid/system-list.schema.json",
  title: "Stratos system list",
  description:
    "What a system consists of. `stratos pkg apply` brings a system to it; `stratos pkg diff` shows what that " +
    "would change.",
  type: "object",
  additionalProperties: false,
  properties: {
    include: {
      type: "array",
      description:
        "Other lists, relative to this one. Their lists are united with this one's; of single values this one's " +
        "counts.",
      items: { type: "string", minLength: 1 },
    },
    system: {
      type: "object",
      additionalProperties: false,
      description: "Settings of the system.",
      properties: {
        hostname: {
          type: "string",
          description: "Name of the host, /etc/hostname.",
          pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$",
          title: "a host's name of letters, digits, '.' and '-'",
        },
        timezone: {
          type: "string",
          description: "Time zone, such as Europe/Berlin: /etc/localtime.",
          pattern: "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
          title: "a time zone, such as Europe/Berlin",
        },
        locale: {
          type: "string",
          description: "LANG for all users: /etc/locale.conf, on Debian /etc/default/locale.",
          pattern: "^[A-Za-z0-9_.@-]+$",
          title: "a locale, such as de_DE.UTF-8",
        },
        keymap: {
          type: "string",
          description: "Keyboard of the text console: /etc/vconsole.conf.",
          pattern: "^[A-Za-z0-9_.-]+$",
          title: "a keyboard map, such as de",
        },
      },
    },
    packages: {
      type: "object",
      additionalProperties: false,
      description: "Packages that must be installed, or must not. What another kind of system needs is passed over.",
      properties: {
        official: NAMES(
          "Packages or groups of the repositories in pacman.conf; REPOSITORY/NAME chooses one.",
          ALPM_NAME,
        ),
        aur: NAMES("Packages of the AUR, which are built.", ALPM_NAME),
        debian: NAMES("Debian packages.", DEBIAN_NAME),
        absent: NAMES("Packages that must not be installed.", ALPM_NAME),
        recommends: {
          type: "boolean",
          description: "Whether Debian packages bring what they recommend. Otherwise only what they depend on.",
        },
        exact: {
          type: "boolean",
          description:
            "Also remove what was asked for by hand and is not listed; of Debian packages those stay that are " +
            "essential, required or important. Otherwise only what an earlier version of the list had.",
        },
      },
    },
    services: {
      type: "object",
      additionalProperties: false,
      description: "systemd units.",
      properties: {
        enable: NAMES("Units that are started at boot.", UNIT_NAME),
        disable: NAMES("Units that are not started at boot.", UNIT_NAME),
        mask: NAMES("Units that cannot be started at all.", UNIT_NAME),
      },
    },
    files: {
      type: "array",
      description: "Files with given contents.",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["path"],
        properties: {
          path: {
            type: "string",
            description: "Absolute path in the system.",
            pattern: "^(/[^/\\u0000\\n]+)+$",
            title: "an absolute path",
          },
          content: { type: "string", description: "Text of the file." },
          source: { type: "string", description: "File to copy, relative to the list.", minLength: 1 },
          link: { type: "string", description: "Target, for a symbolic link.", minLength: 1 },
          mode: {
            type: "string",
            description: "Permissions in octal.",
            pattern: "^[0-7]{3,4}$",
            title: "a mode in octal, such as 0644",
          },
          owner: {
            type: "string",
            description: "USER or USER:GROUP, names or numbers.",
            pattern: "^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$",
            title: "USER or USER:GROUP",
          },
        },
      },
    },
  },
} as const;

export interface ListedFile {
  readonly path: string;
  readonly content?: string;
  readonly source?: string;
  readonly link?: string;
  readonly mode?: string;
  readonly owner?: string;
}

/** A list as it is written. */
export interface SystemListText {
  readonly include?: readonly string[];
  readonly system?: {
    readonly hostname?: string;
    readonly timezone?: string;
    readonly locale?: string;
    readonly keymap?: string;
  };
  readonly packages?: {
    readonly official?: readonly string[];
    readonly aur?: readonly string[];
    readonly debian?: readonly string[];
    readonly absent?: readonly string[];
    readonly recommends?: boolean;
    readonly exact?: boolean;
  };
  readonly services?: {
    readonly enable?: readonly string[];
    readonly disable?: readonly string[];
    readonly mask?: readonly string[];
  };
  readonly files?: readonly ListedFile[];
}
