package bighost.hadoop;

import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.log4j.AppenderSkeleton;
import org.apache.log4j.Logger;
import org.apache.log4j.spi.LoggingEvent;

/** Remembers the failures that Hadoop only logs: a job says that it failed, its runner's log says why. */
final class Causes extends AppenderSkeleton {
    private static final int MOST = 8;

    private final Deque<String> causes = new ArrayDeque<>();

    private Causes() {}

    /** Begin to listen to what runs and retries tasks. */
    static Causes listen() {
        Causes causes = new Causes();
        Logger.getLogger("org.apache.hadoop.mapred").addAppender(causes);
        Logger.getLogger("org.apache.hadoop.streaming").addAppender(causes);
        return causes;
    }

    /** The failures since `clear`, a line each. */
    synchronized String text() {
        return causes.isEmpty() ? "Hadoop does not say why" : String.join("\n", causes);
    }

    /** Forget. */
    synchronized void clear() {
        causes.clear();
    }

    /** An error with all that caused it, in one line. */
    static String describe(Throwable error) {
        StringBuilder text = new StringBuilder(error.toString().strip());
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            if (text.indexOf(cause.toString().strip()) < 0) {
                text.append(" <- ").append(cause.toString().strip());
            }
        }
        return text.toString().replaceAll("\\s*\\R\\s*", " ");
    }

    @Override
    protected synchronized void append(LoggingEvent event) {
        if (event.getThrowableInformation() != null && causes.size() < MOST) {
            causes.add(describe(event.getThrowableInformation().getThrowable()));
        }
    }

    @Override
    public boolean requiresLayout() {
        return false;
    }

    @Override
    public void close() {
        // holds nothing but memory
    }
}
