"""Creates users with these rights and prints their keys. Argument: a JSON object of each user's policy statements."""

import json
import sys

import boto3


def client(service):
    return boto3.client(
        service,
        endpoint_url="http://127.0.0.1:443",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def create_user(name, statements):
    iam = client("iam")
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}


if __name__ == "__main__":
    users = json.loads(sys.argv[1])
    print(json.dumps({name: create_user(name, statements) for name, statements in users.items()}))
