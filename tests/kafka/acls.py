#!/usr/bin/env python3
"""Gives the user entrepot exactly these rights on a secure cluster, and waits until its brokers know.

    acls.py --bootstrap SERVERS --ca FILE --password FILE < rows

A row is RIGHT,RESOURCE,NAME,PATTERN, as the last columns of deploy/kafka/acls.csv; every other right of the user's is taken away.
"""
import argparse
import sys
import time

from confluent_kafka.admin import (
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType,
)

PRINCIPAL = "User:entrepot"
OPERATIONS = {
    "Read": AclOperation.READ, "Write": AclOperation.WRITE, "Create": AclOperation.CREATE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS, "Describe": AclOperation.DESCRIBE,
}
RESOURCES = {"Topic": ResourceType.TOPIC, "Group": ResourceType.GROUP, "TransactionalId": ResourceType.TRANSACTIONAL_ID}


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--bootstrap", "--ca", "--password"):
        arguments.add_argument(name, required=True)
    given = arguments.parse_args()
    with open(given.password) as file:
        password = file.read().strip()
    admin = AdminClient({
        "bootstrap.servers": given.bootstrap, "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "admin", "sasl.password": password, "ssl.ca.location": given.ca,
    })
    wanted = set()
    for line in sys.stdin.read().split():
        right, resource, name, pattern = line.split(",")
        wanted.add(AclBinding(
            RESOURCES[resource], name, ResourcePatternType[pattern], PRINCIPAL, "*", OPERATIONS[right], AclPermissionType.ALLOW,
        ))
    every = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, PRINCIPAL, None, AclOperation.ANY, AclPermissionType.ANY,
    )
    patience = time.monotonic() + 20
    known = set(admin.describe_acls(every).result())
    for future in admin.delete_acls([AclBindingFilter(
        acl.restype, acl.name, acl.resource_pattern_type, acl.principal, acl.host, acl.operation, acl.permission_type,
    ) for acl in known - wanted]).values() if known - wanted else []:
        future.result()
    for future in admin.create_acls(list(wanted - known)).values() if wanted - known else []:
        future.result()
    while set(admin.describe_acls(every).result()) != wanted:
        if time.monotonic() > patience:
            sys.exit("the cluster does not know the rights after 20 s")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
