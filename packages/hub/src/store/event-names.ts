/** What events tell: of tasks and runs, which statements of SQL write; and of all else (`writeEvents`). */
export const EVENT_NAMES = [
  ...(["BLOCKED", "FREE", "ASSIGNED", "RUNNING", "COMPLETED", "FAILED", "CANCELED"] as const),
  ...(["CANCEL_ASKED", "PRIORITY", "REMOVED"] as const),
  ...(["RUN_COMPLETED", "RUN_FAILED", "RUN_CANCELED", "RUN_RELEASED", "RUN_LOST"] as const),
  ...(["PUBLISHED", "NOT_PUBLISHED", "RELEASED", "WITHDRAWN", "REBUILD", "TRIGGERED"] as const),
  ...(["ALLOWED", "REFUSED", "ALERT"] as const),
  ...(["HOST_INVITED", "HOST_ENROLLED", "HOST_REGISTERED", "HOST_ENABLED", "HOST_DISABLED", "HOST_REMOVED"] as const),
  ...(["CERTIFICATE_RENEWED", "CERTIFICATE_REVOKED", "TOKEN_CREATED", "TOKEN_REVOKED"] as const),
  ...(["ROLE_CHANGED", "ROLE_REMOVED", "ROLE_GRANTED", "ROLE_TAKEN", "POLICY_CHANGED", "POLICY_REMOVED"] as const),
  ...(["BRAKE_CHANGED", "CHANNEL_CHANGED", "CHANNEL_REMOVED", "SECRET_CHANGED", "SECRET_REMOVED"] as const),
  ...(["TEMPLATE_CHANGED", "TEMPLATE_REMOVED", "TRIGGER_CHANGED", "TRIGGER_REMOVED"] as const),
  ...(["WEBHOOK_CREATED", "WEBHOOK_REMOVED", "PLUGIN_FAILED", "PLUGIN_MISSED_EVENTS", "PLUGIN_RESTARTED"] as const),
  ...(["AUDIT_ROTATED", "SETTING_CHANGED"] as const),
  ...(["PROFILE_TAKEN", "PROFILE_REMOVED"] as const),
] as const;
export type EventName = (typeof EVENT_NAMES)[number];
