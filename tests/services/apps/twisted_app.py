from twisted.internet import protocol, reactor


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


factory = protocol.Factory()
factory.protocol = Echo
reactor.listenTCP(0, factory, interface="127.0.0.1")
reactor.callWhenRunning(print, "ready", flush=True)
reactor.run()
