#!/bin/sh
# Apache Kafka as its published Maven artifacts, into the cache that tests/servers.py reads.
set -eu
version=4.1.0
libs=${KEYWATCH_KAFKA_LIBS:-$HOME/.cache/keywatch/kafka-$version}
if ls "$libs"/kafka_*.jar >/dev/null 2>&1; then exit 0; fi
command -v mvn >/dev/null || { echo "Maven is needed to fetch Apache Kafka (Debian: apt install maven)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion>
<groupId>keywatch</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version>
</dependency></dependencies></project>
POM
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/libs"
mkdir -p "$(dirname "$libs")"
rm -rf "$libs"
mv "$work/libs" "$libs"
