module meterhouse.example/scenario

go 1.23
