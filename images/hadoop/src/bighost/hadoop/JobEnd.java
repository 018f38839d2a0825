package bighost.hadoop;

import java.util.Map;

/**
 * How a job ended.
 *
 * @param id Hadoop's name of the job, empty when it was never submitted
 * @param error why it failed, null when it did not
 * @param counters group, then counter, to value; empty where Hadoop has none
 * @param leftovers threads of the job that still live, and hold memory
 */
record JobEnd(String id, String error, Map<String, Map<String, Long>> counters, int leftovers) {}
