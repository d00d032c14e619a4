#!/bin/sh
# Apicurio Registry as its published Maven artifact, into the cache that tests/apicurio.py reads; 115 MB.
set -eu
version=3.0.9
home=${KEYWATCH_APICURIO:-$HOME/.cache/keywatch/apicurio-$version}
if ls "$home"/*-runner.jar >/dev/null 2>&1; then exit 0; fi
mkdir -p "$home"
name=apicurio-registry-app
curl -sSfL "https://repo1.maven.org/maven2/io/apicurio/$name/$version/$name-$version-all.tar.gz" | tar xz -C "$home"
