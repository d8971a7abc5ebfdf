# Flight SQL から Python で問い合わせる。A Flight SQL query from Python.
# 引数: アドレス、トークンのファイル、SQL。Arguments: address, token file, SQL.
import sys

import adbc_driver_flightsql.dbapi as flight_sql
from adbc_driver_flightsql import DatabaseOptions

address, token_file, sql = sys.argv[1:4]
with open(token_file) as file:
    token = file.read().strip()
options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
with flight_sql.connect(address, db_kwargs=options) as connection, connection.cursor() as cursor:
    cursor.execute(sql)
    print(" | ".join(column[0] for column in cursor.description))
    for row in cursor.fetchall():
        print(" | ".join(str(cell) for cell in row))
