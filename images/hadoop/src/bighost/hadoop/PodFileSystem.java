package bighost.hadoop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * The local file system, without what makes a small job slow: a process for each change of a file's mode
 * (some thirty a job; Hadoop does that where its native library is not there), and checksum files.
 */
public final class PodFileSystem extends LocalFileSystem {
    /** What Hadoop calls for `fs.file.impl`. */
    public PodFileSystem() {
        super(new Raw());
        setWriteChecksum(false);
        setVerifyChecksum(false);
    }

    private static final class Raw extends RawLocalFileSystem {
        @Override
        public void setPermission(Path path, FsPermission wanted) throws IOException {
            Set<PosixFilePermission> mode = EnumSet.noneOf(PosixFilePermission.class);
            PosixFilePermission[] all = PosixFilePermission.values(); // from the owner's reading on
            for (int bit = 0; bit < all.length; bit++) {
                if ((wanted.toShort() >> (all.length - 1 - bit) & 1) == 1) {
                    mode.add(all[bit]);
                }
            }
            Files.setPosixFilePermissions(pathToFile(path).toPath(), mode);
        }
    }
}
