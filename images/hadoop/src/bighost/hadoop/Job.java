package bighost.hadoop;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.mapred.Counters;
import org.apache.hadoop.mapred.JobClient;
import org.apache.hadoop.mapred.RunningJob;
import org.apache.hadoop.shaded.com.fasterxml.jackson.databind.JsonNode;
import org.apache.hadoop.streaming.StreamJob;

/** One Hadoop Streaming job: StreamJob makes its settings from the arguments, we submit it and look on. */
final class Job extends StreamJob {
    private static final long POLL_MS = 10;

    /** Is told how far the job is, as shares of 1. */
    interface Listener {
        void progress(float map, float reduce);
    }

    private final String[] arguments;
    private final Listener listener;
    private final Map<Path, Path> uploads = new TreeMap<>();
    private volatile boolean cancelled;
    private Map<String, Map<String, Long>> counters = Map.of();
    private String id = "";

    Job(JsonNode order, Listener listener) {
        Configuration settings = new Configuration();
        order.get("settings").fields().forEachRemaining(
                setting -> settings.set(setting.getKey(), setting.getValue().asText()));
        setConf(settings);
        List<String> given = new ArrayList<>();
        order.get("arguments").forEach(argument -> given.add(argument.asText()));
        order.get("upload").fields().forEachRemaining(
                file -> uploads.put(new Path("file://" + file.getKey()), new Path(file.getValue().asText())));
        this.arguments = given.toArray(new String[0]);
        this.listener = listener;
    }

    /** Run to the end, whatever it is. */
    JobEnd call(Causes causes) {
        String error = null;
        try {
            upload();
            error = run(arguments) == 0 ? null : "";
        } catch (Exception | LinkageError | OutOfMemoryError failure) {
            error = Causes.describe(failure);
        }
        if ("".equals(error)) {
            error = causes.text();
        }
        if (jar_ != null) {
            new File(jar_).delete(); // else it stays until the JVM ends
        }
        return new JobEnd(id, error, counters, Leftovers.count());
    }

    /** Let the job end soon. */
    void cancel() {
        cancelled = true;
    }

    private void upload() throws IOException {
        for (Map.Entry<Path, Path> file : uploads.entrySet()) {
            try (FileSystem files = file.getValue().getFileSystem(getConf())) {
                files.copyFromLocalFile(false, true, file.getKey(), file.getValue());
            }
        }
    }

    @Override
    public int submitAndMonitorJob() throws IOException {
        try (JobClient client = new JobClient(jobConf_)) {
            RunningJob running = client.submitJob(jobConf_);
            id = running.getID().toString();
            follow(running);
            counters = read(running.getCounters());
            return running.isSuccessful() ? 0 : 1;
        } catch (InterruptedException error) {
            throw new IOException(error);
        }
    }

    private void follow(RunningJob running) throws IOException, InterruptedException {
        float told = -1;
        boolean killed = false;
        while (!running.isComplete()) {
            float map = running.mapProgress();
            float reduce = running.reduceProgress();
            if (map + reduce > told) {
                told = map + reduce;
                listener.progress(map, reduce);
            }
            if (cancelled && !killed) {
                running.killJob();
                killed = true;
            }
            Thread.sleep(POLL_MS);
        }
    }

    private static Map<String, Map<String, Long>> read(Counters all) {
        Map<String, Map<String, Long>> read = new TreeMap<>();
        if (all != null) { // a job that failed early has none
            for (Counters.Group group : all) {
                Map<String, Long> values = read.computeIfAbsent(group.getName(), name -> new TreeMap<>());
                group.forEach(counter -> values.put(counter.getName(), counter.getValue()));
            }
        }
        return read;
    }
}
