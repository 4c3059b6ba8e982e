"""What a release is made of: locks with hashes, licences, parts, known vulnerabilities."""
