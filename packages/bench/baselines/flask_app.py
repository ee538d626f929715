"""The design of the article: a new connection for every request, all rows in memory."""

import datetime
import json
import os
import ssl

import pymysql
from flask import Flask

# As mysql-connector-python does by default, which Debian does not package: encrypted, without verification.
encrypted = ssl.create_default_context()
encrypted.check_hostname = False
encrypted.verify_mode = ssl.CERT_NONE

with open('/run/credentials/password') as file:
    password = file.read().strip()

app = Flask(__name__)


def connect(endpoint):
    return pymysql.connect(
        host=os.environ[endpoint], user='app', password=password, database='testdb', ssl=encrypted
    )


def text(time):
    return time.strftime('%Y-%m-%d %H:%M:%S')


@app.route('/')
@app.route('/read')
def read():
    connection = connect('DB_READ_ENDPOINT_ADDRESS')
    with connection.cursor() as cursor:
        cursor.execute('SELECT dt FROM testtable ORDER BY dt, id')
        times = [text(row[0]) for row in cursor]
    connection.close()
    return json.dumps(times, indent=2)


@app.route('/write')
def write():
    now = text(datetime.datetime.now(datetime.timezone.utc))
    connection = connect('DB_WRITE_ENDPOINT_ADDRESS')
    with connection.cursor() as cursor:
        cursor.execute('INSERT INTO testtable (dt) VALUES (%s)', (now,))
    connection.commit()
    connection.close()
    return f'Saved: {now}'
