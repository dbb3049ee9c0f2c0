import { stateClass } from "@stratos/base";
import { Changes } from "../ground/changes.ts";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";

/** The two names of a machine (uts_namespaces(7)). */
export class UtsNamespace extends Namespace {
  readonly kind = "uts";
  hostname: string;
  domainname: string;
  readonly changes = new Changes();

  constructor(origin: NamespaceOrigin, names: { hostname: string; domainname: string }) {
    super(origin);
    this.hostname = names.hostname;
    this.domainname = names.domainname;
  }

  static {
    stateClass("UtsNamespace", this);
  }
}
