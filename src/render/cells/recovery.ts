/**
 * Settings for a recovery that stops just before the commit at that LSN. Without the timeline it would follow the
 * newest one that the archive has.
 */
export function recoveryTargets(commitLsn: string, timeline: number): readonly string[] {
  return [
    `recovery_target_lsn = '${commitLsn}'`,
    "recovery_target_inclusive = off",
    `recovery_target_timeline = '${timeline}'`,
  ];
}
