/**
 * Reports for auditors: the clauses of a standard that a build hub touches, each with what the hub's own records say
 * of it, and with what somebody should look at. They are evidence; whether it suffices, the auditor says.
 */
import type { ComplianceReport, ComplianceStandard } from "@stratos/hub-api";
import type { Database } from "../database/database.ts";
import { gatherEvidence, ROWS_MAX, type Evidence, type Span } from "./evidence.ts";

type Finding = (evidence: Evidence) => readonly string[];
type Table = (evidence: Evidence) => readonly (readonly [string, string])[];

interface Clause {
  readonly clause: string;
  readonly title: string;
  readonly findings: readonly Finding[];
  readonly facts: Table;
}

const ADMINISTRATORS_MANY = 3;
const time = (at: Date): string => at.toISOString();

const brokenChain: Finding = ({ chain }) =>
  chain.fault === null ? [] : [`the chain of events is broken: ${chain.fault}`];
const manyAdministrators: Finding = ({ administrators }) =>
  administrators.length > ADMINISTRATORS_MANY ? [`${administrators.length} principals may everything`] : [];
const endlessKeys: Finding = ({ keys }) => keys.endless.map((key) => `the key of ${key} never expires`);
const unusedKeys: Finding = ({ keys }) => keys.unused.map((key) => `the key of ${key} was not used for 90 days`);
const alerts: Finding = (evidence) => evidence.alerts.map(({ at, text }) => `${time(at)}: ${text}`);
const attacks: Finding = (evidence) =>
  evidence.alerts.filter(({ rule }) => rule !== "privileges-changed").map(({ at, text }) => `${time(at)}: ${text}`);
const ownReleases: Finding = ({ releases }) =>
  releases
    .filter(({ actor, owner }) => actor !== "hub" && actor === owner)
    .map(({ at, actor, channel, task }) => `${time(at)}: ${actor} released their own task ${task} into ${channel}`);
const plainHttp: Finding = ({ isTls }) =>
  isTls ? [] : ["the hub serves plain HTTP on this computer's loopback address alone"];
const endlessTasks: Finding = ({ retention }) =>
  retention
    .filter(({ days }) => days === null)
    .map(({ channel }) => `the channel ${channel} keeps ended tasks, with their owners' names, for ever`);

const chainFacts: Table = ({ chain }) => [
  ["last seal", `${chain.number} ${chain.hash}`],
  ["chain", chain.fault ?? "computed again, whole"],
  ...(chain.rotated === 0
    ? []
    : [["in files", `what seals 1 to ${chain.rotated} are over: \`hub audit verify FILE\``] as const]),
];
const decisionFacts: Table = ({ decisions }) => [
  ["requests permitted", String(decisions.allowed)],
  ["requests refused", String(decisions.refused)],
  ["sign-ins refused", String(decisions.failedSignIns)],
];
const keyFacts: Table = ({ keys }) => [
  ["keys in force", String(keys.active)],
  ["of them without an end", String(keys.endless.length)],
  ["made in the span", String(keys.created)],
  ["revoked in the span", String(keys.revoked)],
];
const administratorFacts: Table = ({ administrators }) => [["may everything", administrators.join(", ") || "nobody"]];
const changeFacts: Table = ({ privilegeChanges }) =>
  privilegeChanges.map(({ at, actor, what, principal, role }) => [
    time(at),
    [actor, what, principal, role].filter((part) => part !== null).join(" "),
  ]);
const releaseFacts: Table = ({ releases }) =>
  releases.map(({ at, actor, channel, packages, task, owner }) => [
    time(at),
    `${packages} packages into ${channel} by ${actor}` +
      (task === null ? "" : `, of task ${task}${owner === null ? "" : ` of ${owner}`}`),
  ]);
const alertFacts: Table = (evidence) => evidence.alerts.map(({ at, rule, text }) => [time(at), `${rule}: ${text}`]);
const personalFacts: Table = ({ principals }) => [
  ["names in the audit", String(principals.count)],
  ["network addresses in the audit", String(principals.addresses)],
  ["oldest entry", principals.oldest === null ? "none" : time(principals.oldest)],
];
const retentionFacts: Table = ({ retention }) => [
  ...retention.map(({ channel, days }) => [`channel ${channel}`, days === null ? "for ever" : `${days} days`] as const),
  ["audit", "until it is taken out into files (`hub audit rotate`), which go on with its chain"],
];
const tlsFacts: Table = ({ isTls }) => [["transport", isTls ? "TLS 1.2 or later" : "plain HTTP, on loopback"]];

const STANDARDS: Readonly<Record<ComplianceStandard, { readonly title: string; readonly clauses: readonly Clause[] }>> =
  {
    sox: {
      title: "Sarbanes-Oxley Act, §404: general controls of information technology",
      clauses: [
        {
          clause: "access to programs",
          title: "Who has which rights",
          findings: [manyAdministrators, endlessKeys, unusedKeys],
          facts: (e) => [...administratorFacts(e), ...keyFacts(e)],
        },
        { clause: "access to programs", title: "Rights that were given and taken", findings: [], facts: changeFacts },
        { clause: "program changes", title: "What was released, and by whom", findings: [], facts: releaseFacts },
        {
          clause: "segregation of duties",
          title: "Nobody releases what they had built",
          findings: [ownReleases],
          facts: (e) => [["releases by people", String(e.releases.filter(({ actor }) => actor !== "hub").length)]],
        },
        {
          clause: "computer operations",
          title: "Decisions and alerts",
          findings: [attacks],
          facts: (e) => [...decisionFacts(e), ...alertFacts(e)],
        },
        {
          clause: "integrity of records",
          title: "The audit was not changed",
          findings: [brokenChain],
          facts: chainFacts,
        },
      ],
    },
    gdpr: {
      title: "General Data Protection Regulation (EU) 2016/679",
      clauses: [
        {
          clause: "Art. 5(1)(e)",
          title: "How long personal data is kept",
          findings: [endlessTasks],
          facts: (e) => [...personalFacts(e), ...retentionFacts(e)],
        },
        {
          clause: "Art. 25",
          title: "Rights are the least that is needed",
          findings: [manyAdministrators, unusedKeys],
          facts: (e) => [...administratorFacts(e), ...keyFacts(e)],
        },
        {
          clause: "Art. 30",
          title: "Records of processing",
          findings: [brokenChain],
          facts: (e) => [...decisionFacts(e), ...chainFacts(e)],
        },
        { clause: "Art. 32", title: "Security of processing", findings: [plainHttp, endlessKeys], facts: tlsFacts },
        { clause: "Art. 33", title: "What may have been a breach", findings: [attacks], facts: alertFacts },
      ],
    },
    iso27001: {
      title: "ISO/IEC 27001:2022, Annex A",
      clauses: [
        { clause: "A.5.3", title: "Segregation of duties", findings: [ownReleases], facts: releaseFacts },
        {
          clause: "A.5.16",
          title: "Identity management",
          findings: [unusedKeys],
          facts: (e) => [...keyFacts(e), ...personalFacts(e)],
        },
        { clause: "A.5.18", title: "Access rights", findings: [], facts: changeFacts },
        {
          clause: "A.8.2",
          title: "Privileged access rights",
          findings: [manyAdministrators],
          facts: administratorFacts,
        },
        { clause: "A.8.5", title: "Secure authentication", findings: [endlessKeys, attacks], facts: decisionFacts },
        { clause: "A.8.10", title: "Information deletion", findings: [endlessTasks], facts: retentionFacts },
        { clause: "A.8.15", title: "Logging", findings: [brokenChain], facts: chainFacts },
        { clause: "A.8.16", title: "Monitoring activities", findings: [alerts], facts: alertFacts },
        { clause: "A.8.24", title: "Use of cryptography", findings: [plainHttp], facts: tlsFacts },
        { clause: "A.8.32", title: "Change management", findings: [], facts: releaseFacts },
      ],
    },
  };

export async function complianceReport(
  database: Database,
  standard: ComplianceStandard,
  span: Span,
  isTls: boolean,
): Promise<ComplianceReport> {
  const { title, clauses } = STANDARDS[standard];
  // One moment for all of it, so that its parts agree.
  const evidence = await database.transaction("repeatable read, read only", (inside) =>
    gatherEvidence(inside, span, isTls),
  );
  return {
    standard,
    title,
    from: time(span.from),
    until: time(span.until),
    clauses: clauses.map(({ clause, title: name, findings, facts }) => {
      const rows = facts(evidence);
      return {
        clause,
        title: name,
        findings: findings.flatMap((finding) => finding(evidence)).slice(0, ROWS_MAX),
        facts: rows.map(([what, value]) => ({ what, value })),
      };
    }),
  };
}
