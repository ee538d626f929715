"""Creates users with these rights and prints their keys. Argument: a JSON object of each user's policy statements."""

import json
import sys

import boto3

iam = boto3.client(
    "iam",
    region_name="ap-northeast-1",
    endpoint_url="http://127.0.0.1:5000",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
keys = {}
for user, statements in json.loads(sys.argv[1]).items():
    iam.create_user(UserName=user)
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=user, PolicyName="rights", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    keys[user] = {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}
print(json.dumps(keys))
